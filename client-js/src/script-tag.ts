/** The build for <script src="/socket.io/simple-peer.js">: globals, and socket.io-client for pages that lack it. */
import { io } from "socket.io-client";
import { SimplePeer, SimplePeerError } from "./index.js";

const page = globalThis as { io?: unknown; SimplePeer?: unknown; SimplePeerError?: unknown };
page.SimplePeer = SimplePeer;
page.SimplePeerError = SimplePeerError;
page.io ??= io; // a page that loads its own, before or after, keeps it
