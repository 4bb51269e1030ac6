/** Why a call cannot be, or not wholly, in plain words: {title, text}, and `fatal` when there is no point in joining. */

export function environmentProblem() {
  if (!window.RTCPeerConnection) {
    return {
      title: "This browser cannot make calls",
      text: "It has no WebRTC. Use a current Chrome, Edge, Firefox or Safari, and check that no extension or company policy switches WebRTC off.",
      fatal: true,
    };
  }
  if (!window.SimplePeer) {
    return {
      title: "The page is incomplete",
      text: "The script /socket.io/simple-peer.js did not load. Reload the page; if that does not help, the server's log says why.",
      fatal: true,
    };
  }
  if (!navigator.mediaDevices) {
    return {
      title: "No camera or microphone on this address",
      text: `Browsers give them to pages from https:// and from localhost only, and this one came from ${location.origin}. `
        + "You can join, watch and listen; to be seen, open the room by its https address.",
    };
  }
  return null;
}

/** What getUserMedia's error means to the person in front of it. */
export function deviceProblem(error, what = "camera and microphone") {
  switch (error.name) {
    case "NotAllowedError":
      return {
        title: `The browser may not use your ${what}`,
        text: "Permission was refused. Press the icon beside the address, allow it, then try again. You can also join without.",
        retry: true,
      };
    case "NotFoundError":
      return {
        title: `No ${what} found`,
        text: "Plug one in and try again, or join without: you will see and hear everybody else.",
        retry: true,
      };
    case "NotReadableError":
    case "AbortError":
      return {
        title: `The ${what} did not start`,
        text: "Another program may be using it. Close that program and try again.",
        retry: true,
      };
    default:
      return { title: `The ${what} did not start`, text: `The browser says: ${error.message || error.name}.`, retry: true };
  }
}

export function screenProblem(error) {
  return { title: "The screen is not shared", text: `The browser says: ${error.message || error.name}.` };
}

/** Signalling works, media does not: between this browser and the server something drops UDP, and TCP of the same port. */
export function noMediaProblem(port) {
  return {
    title: "Sound and pictures do not get through",
    text: `They travel by UDP, or by TCP where that is blocked, and neither is answered on the server's port${port ? ` ${port}` : ""}. `
      + "Whoever runs the server should open that UDP port, and the TCP port of the same number, in its firewall or cloud security group "
      + "and, behind NAT, start it with --announce and its public address. "
      + "A VPN or a company network may block both as well: try another network.",
  };
}

export function noServerProblem() {
  return { title: "The server does not answer", text: "The call goes on by itself as soon as it is back." };
}

export function callProblem(error) {
  return { title: "That did not work", text: [error.message, error.hint].filter(Boolean).join(": ") };
}
