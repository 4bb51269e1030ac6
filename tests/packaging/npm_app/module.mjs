import {SimplePeer} from "simplesfu";
import {io} from "socket.io-client";
import {makeHarness} from "./caller.js";

window.begin = (options) => void (window.harness = makeHarness(SimplePeer, io, options));
