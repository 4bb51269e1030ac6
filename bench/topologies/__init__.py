"""What mesh, SFU and MCU ask of each person's line and processor, and of the server's."""
