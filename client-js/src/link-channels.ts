/** The two data channels of a link, the same at both ends: nothing about them needs to be agreed on. */

export interface LinkChannelsObserver {
  channelOpened(): void;
  /** Part of a message, or what the other end says about messages. */
  dataCame(encoded: ArrayBuffer | string, reliable: boolean): void;
  /** The other end has closed its connection. */
  channelClosed(): void;
}

export class LinkChannels {
  readonly reliable: RTCDataChannel;
  readonly lossy: RTCDataChannel;

  constructor(connection: RTCPeerConnection, observer: LinkChannelsObserver) {
    const open = (reliable: boolean): RTCDataChannel => {
      const how = reliable ? { id: 0, ordered: true } : { id: 1, ordered: false, maxRetransmits: 1 };
      const channel = connection.createDataChannel(reliable ? "reliable" : "lossy", { ...how, negotiated: true });
      channel.binaryType = "arraybuffer"; // Firefox would make Blobs
      channel.onopen = () => observer.channelOpened();
      channel.onclose = () => observer.channelClosed();
      channel.onmessage = ({ data }) => observer.dataCame(data, reliable);
      return channel;
    };
    this.reliable = open(true);
    this.lossy = open(false);
  }

  close(): void {
    for (const channel of [this.reliable, this.lossy]) channel.onopen = channel.onmessage = channel.onclose = null;
  }
}
