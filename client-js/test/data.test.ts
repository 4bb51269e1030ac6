import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { Data } from "../src/data.js";
import { Assembly, type DataPart, decodePart, encodePart, follows, PART_BYTES, partsOf } from "../src/data-parts.js";
import { DataReceiver } from "../src/data-receiver.js";
import { DataSender } from "../src/data-sender.js";
import { SimplePeerError } from "../src/errors.js";
import type { Links } from "../src/links.js";
import { Roster } from "../src/roster.js";
import type { Session } from "../src/session.js";
import type { SessionKeeper } from "../src/session-keeper.js";
import { until } from "./support/wait.js";

const bytes = (length: number, fill = 7) => new Uint8Array(length).fill(fill);

function part(changes: Partial<DataPart> = {}): DataPart {
  return { text: false, peerId: "żółw", label: "data", message: 5, index: 0, count: 1, body: bytes(3), ...changes };
}

test("a part is laid out as the protocol's page has it", () => {
  const encoded = encodePart(part({ text: true, peerId: "ab", label: "c", message: 0x01020304, index: 5, count: 6 }));
  assert.deepEqual([...encoded], [1, 0, 0, 2, 0, 1, 1, 2, 3, 4, 0, 5, 0, 6, 97, 98, 99, 7, 7, 7]);
});

test("what is encoded is decoded", () => {
  for (const one of [
    part(),
    part({ peerId: "", label: "" }),
    part({ body: bytes(0) }),
    part({ message: 2 ** 32 - 1 }),
  ]) {
    assert.deepEqual(decodePart(encodePart(one).buffer), one);
  }
});

test("what is no part is refused", () => {
  const broken = [bytes(5), bytes(14), encodePart(part({ index: 3, count: 3 })), encodePart(part()).slice(0, 17)];
  for (const each of broken) assert.throws(() => decodePart(each.slice().buffer));
});

test("numbers of messages go in a circle", () => {
  assert.ok(follows({ message: 0, index: 0 }, { message: 2 ** 32 - 1, index: 9 }));
  assert.ok(follows({ message: 4, index: 1 }, { message: 4, index: 0 }));
  assert.ok(!follows({ message: 4, index: 1 }, { message: 4, index: 1 }));
  assert.ok(!follows({ message: 2 ** 32 - 1, index: 0 }, { message: 1, index: 0 }));
});

test("parts make a message in any order, and unfinished messages are forgotten in the end", () => {
  const assembly = new Assembly();
  const of = (message: number, index: number) => part({ message, index, count: 3, body: bytes(2, index) });
  for (let message = 0; message < 10; message++) assert.equal(assembly.add(of(message, 0)), undefined);
  assert.equal(assembly.add(of(9, 2)), undefined);
  assert.deepEqual(new Uint8Array(assembly.add(of(9, 1)) as ArrayBuffer), new Uint8Array([0, 0, 1, 1, 2, 2]));
  assert.equal(assembly.add(of(0, 1)), undefined);
  assert.equal(assembly.add(of(0, 2)), undefined, "its first part is forgotten");
});

/** A data channel that holds what it is given until it is drained. */
class Channel extends EventEmitter {
  static #ids = 0;
  readonly id = String(Channel.#ids++);
  readonly observer = new EventEmitter();
  readonly appData: Record<string, unknown>;
  readonly sent: DataPart[] = [];
  readyState = "open";
  closed = false;
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;

  constructor(received: unknown = null) {
    super();
    this.appData = { received };
  }

  send(encoded: Uint8Array<ArrayBuffer>): void {
    if (this.readyState !== "open") throw new Error("InvalidStateError");
    this.sent.push(decodePart(encoded.slice().buffer));
    this.bufferedAmount += encoded.length;
  }

  drain(): void {
    this.bufferedAmount = 0;
    this.emit("bufferedamountlow");
  }

  /** With its transport. */
  lose(): void {
    this.closed = true;
    this.readyState = "closed";
    this.observer.emit("close");
  }

  close(): void {
    this.lose();
  }
}

/** A session with these channels to the server, in turn, and one that keeps it; `opened`: the labels asked for. */
function sessionOver(...channels: Channel[]) {
  const opened: string[] = [];
  const session = {
    closed: false,
    request: async (_name: string, { label }: { label: string }) => void opened.push(label),
    transports: { run: async () => channels.shift() ?? new Promise(() => undefined) },
  } as unknown as Session;
  const keeper = { run: (act: (session: Session) => Promise<unknown>) => act(session) } as unknown as SessionKeeper;
  return { session, keeper, opened };
}

/** A sender in a session whose channels are these, in turn; `opened`: the labels asked for. */
function senderOver(...channels: Channel[]) {
  const { session, keeper, opened } = sessionOver(...channels);
  return { sender: new DataSender(keeper, true), session, opened };
}

test("a message waits for room in the channel, and so do those behind it", async () => {
  const channel = new Channel();
  const { sender, opened } = senderOver(channel);
  let resolved = 0;
  for (let number = 0; number < 3; number++) {
    void sender.send(bytes(256 * 1024, number), false, "", "file").then(() => resolved++);
  }
  await until("the channel is full", () => channel.bufferedAmount >= 256 * 1024);
  const parts = channel.sent.length;
  assert.equal(parts, partsOf(256 * 1024));
  assert.ok(sender.bufferedAmount > 512 * 1024);
  for (let turn = 1; turn <= 3; turn++) {
    await until("the next message", () => channel.sent.length === turn * parts);
    channel.drain();
  }
  await until("all are on their way", () => resolved === 3);
  assert.equal(sender.bufferedAmount, 0);
  assert.deepEqual(opened, ["file"]);
  const order = channel.sent.map(({ message, index, body }) => [message, index, body[0]]);
  assert.deepEqual(
    order,
    [0, 1, 2].flatMap((m) => Array.from({ length: parts }, (_, index) => [m, index, m])),
  );
});

test("who has waited for room leaves nothing behind on the channel", async () => {
  const channel = new Channel();
  const { sender } = senderOver(channel);
  for (let number = 0; number < 3; number++) {
    const sent = sender.send(bytes(256 * 1024, number), false, "", "");
    await until("the channel is full, or has taken it", () => channel.bufferedAmount >= 256 * 1024);
    channel.drain();
    await sent;
  }
  const [one, other] = [sender.send(bytes(256 * 1024), false, "", ""), sender.send(bytes(1), false, "", "")];
  await until("somebody waits", () => channel.listenerCount("bufferedamountlow") > 0);
  channel.drain();
  await Promise.all([one, other]);
  const names = ["bufferedamountlow", "transportclose", "close"];
  assert.deepEqual(
    names.map((name) => channel.listenerCount(name)),
    [0, 0, 0],
  );
  assert.equal(channel.observer.listenerCount("close"), 0);
});

test("room in the channel is found though nobody tells of it", async () => {
  const channel = new Channel();
  const { sender } = senderOver(channel);
  const [, other] = [sender.send(bytes(256 * 1024), false, "", ""), sender.send(bytes(1), false, "", "")];
  await until("somebody waits", () => channel.listenerCount("bufferedamountlow") > 0);
  channel.bufferedAmount = 0;
  await other;
});

test("who does not wait has to stop in the end", async () => {
  const { sender } = senderOver();
  const waiting = Array.from({ length: 64 }, () => sender.send(bytes(256 * 1024), false, "", ""));
  await assert.rejects(sender.send(bytes(1), false, "", ""), { code: "too_much_data" });
  sender.close(new SimplePeerError("closed", "that was it"));
  for (const each of waiting) await assert.rejects(each, { code: "closed" });
});

test("what the server has not got goes again over the next channel, and the message goes on", async () => {
  const first = new Channel();
  const second = new Channel({ message: 1, index: 0 });
  const { sender, session } = senderOver(first, second);
  for (let number = 0; number < 4; number++) await sender.send(bytes(10, number), false, "", "");
  first.readyState = "closing";
  await sender.send(bytes(3 * PART_BYTES, 4), true, "", "");
  first.lose();
  await sender.sendAnew(session);
  const order = second.sent.map(({ message, index }) => [message, index]);
  assert.deepEqual(order, [
    [2, 0],
    [3, 0],
    [4, 0],
    [4, 1],
    [4, 2],
  ]);
});

test("numbers go on after what the server has had of this peer before", async () => {
  const channel = new Channel({ message: 41, index: 0 });
  const { sender } = senderOver(channel);
  await sender.send(bytes(1), false, "", "");
  assert.equal(channel.sent[0]?.message, 42);
});

/** Data among peers whose links the test plays: by id, whether they are open. */
function dataWith(links: Record<string, boolean>) {
  const lossy = new Channel();
  const byLink: string[] = [];
  const channelTo = (peerId: string) => {
    const send = (encoded: string | Uint8Array<ArrayBuffer>) => {
      if (typeof encoded !== "string") byLink.push(peerId);
    };
    return { readyState: "open", bufferedAmount: 0, send } as unknown as RTCDataChannel;
  };
  const channels = new Map(Object.keys(links).map((peerId) => [peerId, channelTo(peerId)]));
  const roster = new Roster(
    () => undefined,
    () => undefined,
  );
  const played = {
    dataLink: (peerId: string) => {
      const open = links[peerId] === true;
      return { channel: open ? channels.get(peerId) : undefined, carries: open, comes: open };
    },
  } as unknown as Links;
  const { keeper } = sessionOver(lossy);
  const data = new Data(keeper, played, roster, { received: () => undefined, failed: assert.fail });
  for (const peerId of Object.keys(links)) roster.add(peerId);
  const linked = () => {
    for (const [peerId, open] of Object.entries(links)) if (open) data.linkChanged(peerId);
  };
  linked();
  return { data, byLink, byServer: lossy.sent, links, linked };
}

test("what may be lost goes once by the server for all, unless links reach everybody", async () => {
  const { data, byLink, byServer, links, linked } = dataWith({ bob: true, carol: false, dave: false });
  const cursor = () => data.send("here", { label: "cursor", reliable: false });
  await cursor();
  assert.deepEqual([byLink, byServer.map(({ peerId }) => peerId)], [[], [""]]);
  links.carol = links.dave = true;
  linked();
  await cursor();
  assert.deepEqual([byLink, byServer.length], [["bob", "carol", "dave"], 1]);
  links.dave = false;
  data.linkChanged("dave");
  await cursor();
  assert.deepEqual(
    byServer.map(({ peerId }) => peerId),
    ["", ""],
  );
  await data.send("to one", { to: "bob", reliable: false });
  assert.equal(byLink.length, 4);
  data.close();
});

test("a channel from the server that takes the place of another closes it, and not before it is there", async () => {
  const made: (EventEmitter & { reliable: boolean; closed: boolean })[] = [];
  const openWhenAsked: number[] = [];
  const answers: (() => void)[] = [];
  const session = {
    closed: false,
    request: (_name: string, { reliable }: { reliable: boolean }) =>
      new Promise((resolve) => {
        openWhenAsked.push(made.filter(({ closed }) => !closed).length);
        answers.push(() => resolve({ sctpStreamParameters: { ordered: reliable } }));
      }),
    transports: { run: async (_direction: string, act: (transport: unknown) => Promise<unknown>) => act(transport) },
  } as unknown as Session;
  const transport = {
    id: "t",
    consumeData: async ({ sctpStreamParameters }: { sctpStreamParameters: { ordered: boolean } }) => {
      const consumer = Object.assign(new EventEmitter(), {
        reliable: sctpStreamParameters.ordered,
        closed: false,
        close: () => {
          consumer.closed = true;
        },
      });
      made.push(consumer);
      return consumer;
    },
  };
  const heard: unknown[] = [];
  const receiver = new DataReceiver({ received: ({ data }) => heard.push(data), failed: assert.fail });
  const answer = async (opening: Promise<void>) => {
    await until("both are asked for", () => answers.length === 2);
    for (const resolve of answers.splice(0)) resolve();
    await opening;
  };
  await answer(receiver.receive(session));
  const opening = receiver.receive(session);
  await until("both are asked for", () => answers.length === 2);
  made[0]?.emit("message", encodePart(part({ text: true, body: new TextEncoder().encode("late") })).buffer);
  assert.deepEqual(heard, ["late"]);
  await answer(opening);
  assert.deepEqual(openWhenAsked, [0, 0, 2, 2]);
  assert.deepEqual(
    made.map(({ closed }) => closed),
    [true, true, false, false],
  );
  for (const consumer of made) consumer.closed = true; // as with their transport, which brings others itself
  receiver.reconcile(session, []);
  assert.equal(answers.length, 0);
});
