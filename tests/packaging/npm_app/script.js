// SimplePeer and io are globals of the script that was loaded before.
import {makeHarness} from "./caller.js";

window.begin = (options) => void (window.harness = makeHarness(window.SimplePeer, window.io, options));
