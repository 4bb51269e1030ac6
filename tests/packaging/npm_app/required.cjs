const {SimplePeer} = require("simplesfu");
const {io} = require("socket.io-client");
const {makeHarness} = require("./caller.js");

window.begin = (options) => void (window.harness = makeHarness(SimplePeer, io, options));
