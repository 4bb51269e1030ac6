import { useState } from "react";
import { io } from "socket.io-client";
import { Door, type Guest } from "./door";
import { Room } from "./room";
import { useDevices } from "./use-devices";

const socket = io(); // outside of components: the page has one, whatever is rendered

export function App() {
  const devices = useDevices();
  const [guest, setGuest] = useState<Guest | null>(null);
  if (!guest) return <Door devices={devices} onEnter={setGuest} />;
  return <Room socket={socket} devices={devices} guest={guest} onLeave={() => setGuest(null)} />;
}
