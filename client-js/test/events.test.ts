import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../src/events.js";

interface Events {
  a: number;
  b: string;
}

test("calls the listeners of an event in the order they came, and no others", () => {
  const emitter = new Emitter<Events>();
  const heard: unknown[] = [];
  emitter.on("a", (value) => heard.push(["first", value]));
  emitter.on("a", (value) => heard.push(["second", value]));
  emitter.on("b", (value) => heard.push(["b", value]));
  emitter.emit("a", 1);
  assert.deepEqual(heard, [
    ["first", 1],
    ["second", 1],
  ]);
});

test("once() calls once, even when the listener emits again", () => {
  const emitter = new Emitter<Events>();
  const heard: number[] = [];
  emitter.once("a", (value) => {
    heard.push(value);
    emitter.emit("a", value + 1);
  });
  emitter.emit("a", 1);
  assert.deepEqual(heard, [1]);
});

test("off() and the returned function both take a listener off", () => {
  const emitter = new Emitter<Events>();
  const heard: number[] = [];
  const listener = (value: number) => heard.push(value);
  emitter.on("a", listener);
  emitter.off("a", listener);
  const unsubscribe = emitter.on("a", listener);
  unsubscribe();
  emitter.once("a", listener);
  emitter.off("a", listener);
  emitter.emit("a", 1);
  assert.deepEqual(heard, []);
  assert.equal(emitter.hasListeners("a"), false);
});

test("a listener taken off by one before it is not called; one added meanwhile is called from the next time on", () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  const second = () => heard.push("second");
  emitter.once("a", () => {
    emitter.off("a", second);
    emitter.on("a", () => heard.push("third"));
  });
  emitter.on("a", second);
  emitter.emit("a", 1);
  assert.deepEqual(heard, []);
  emitter.emit("a", 2);
  assert.deepEqual(heard, ["third"]);
});

test("a listener that throws is told of on the console and stops nobody", (t) => {
  const complaint = t.mock.method(console, "error", () => undefined);
  const emitter = new Emitter<Events>();
  const heard: number[] = [];
  emitter.on("a", () => {
    throw new Error("the application's own");
  });
  emitter.on("a", (value) => heard.push(value));
  emitter.emit("a", 7);
  assert.deepEqual(heard, [7]);
  assert.equal(complaint.mock.callCount(), 1);
});
