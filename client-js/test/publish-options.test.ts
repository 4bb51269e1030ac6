import assert from "node:assert/strict";
import { test } from "node:test";
import type { Device } from "mediasoup-client";
import { captureScreen } from "../src/devices.js";
import { hintContent, type PublishOptions, producerChoices, sameOptions } from "../src/publish-options.js";

const device = {
  sendRtpCapabilities: {
    codecs: ["audio/opus", "video/VP8", "video/rtx", "video/VP9"].map((mimeType) => ({
      kind: mimeType.split("/")[0],
      mimeType,
    })),
  },
} as unknown as Device;

function track(kind: "video" | "audio", settings: MediaTrackSettings = {}, contentHint = ""): MediaStreamTrack {
  return { kind, contentHint, getSettings: () => settings } as unknown as MediaStreamTrack;
}

function encodings(options: PublishOptions, settings: MediaTrackSettings = {}) {
  return producerChoices(device, track("video", settings), options).encodings?.map(
    ({ maxBitrate, scaleResolutionDownBy }) => [scaleResolutionDownBy, maxBitrate],
  );
}

test("one encoding, with a limit that fits the picture", () => {
  assert.deepEqual(encodings({}), [[undefined, 1_500_000]]);
  assert.deepEqual(encodings({}, { width: 1920, height: 1080 }), [[undefined, 2_500_000]]);
  assert.deepEqual(encodings({}, { width: 720, height: 1280 }), [[undefined, 1_500_000]], "a phone held upright");
  assert.deepEqual(encodings({ maxBitrate: 300_000 }), [[undefined, 300_000]]);
});

test("simulcast is three sizes, the smallest first, and fewer for a small picture", () => {
  const large = [
    [4, 135_000],
    [2, 450_000],
    [1, 1_500_000],
  ];
  assert.deepEqual(encodings({ simulcast: true }, { width: 1280, height: 720 }), large);
  const rates = producerChoices(device, track("video"), { simulcast: true }).encodings?.map(
    (one) => one.scalabilityMode,
  );
  assert.deepEqual(rates, ["L1T3", "L1T3", "L1T3"]);
  assert.deepEqual(encodings({ simulcast: true, maxBitrate: 1_000_000 }, { width: 640, height: 360 }), [
    [2, 300_000],
    [1, 1_000_000],
  ]);
  assert.equal(encodings({ simulcast: true }, { width: 640, height: 480 })?.length, 2);
  assert.deepEqual(encodings({ simulcast: true }, { width: 160, height: 90 }), [[1, 1_500_000]]);
});

test("a shared screen is sharp at few frames a second, and says so to the browser", () => {
  const screen = track("video", { displaySurface: "monitor", height: 1440 } as MediaTrackSettings);
  hintContent(screen, {});
  assert.equal(screen.contentHint, "detail");
  assert.deepEqual(producerChoices(device, screen, {}).encodings, [{ maxBitrate: 2_500_000, maxFramerate: 15 }]);
  assert.equal(producerChoices(device, screen, { simulcast: true }).encodings?.length, 2);
  const game = track("video", { displaySurface: "window" } as MediaTrackSettings);
  hintContent(game, { contentHint: "motion" });
  assert.equal(game.contentHint, "motion");
  assert.equal(producerChoices(device, game, { contentHint: "motion" }).encodings?.[0]?.maxFramerate, undefined);
});

test("a screen is known where the browser tells nothing of it, and its sound is no picture", async (t) => {
  const [picture, sound] = [track("video", { height: 1080 }), track("audio")];
  const mediaDevices = { getDisplayMedia: async () => ({ getTracks: () => [picture, sound] }) };
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator") ?? { value: undefined, configurable: true };
  Object.defineProperty(globalThis, "navigator", { value: { mediaDevices }, configurable: true });
  t.after(() => Object.defineProperty(globalThis, "navigator", before));
  await captureScreen({ video: true, audio: true });
  for (const each of [picture, sound]) hintContent(each, {});
  assert.deepEqual([picture.contentHint, sound.contentHint], ["detail", ""]);
  assert.deepEqual(producerChoices(device, picture, {}).encodings, [{ maxBitrate: 2_500_000, maxFramerate: 15 }]);
});

test("the application's own hint on a track is left as it is", () => {
  const text = track("video", { displaySurface: "monitor" } as MediaTrackSettings, "text");
  hintContent(text, {});
  assert.equal(text.contentHint, "text");
});

test("speech is mono at 64 kbps, music stereo at 128", () => {
  const speech = producerChoices(device, track("audio"), {});
  assert.deepEqual(speech.encodings, [{ maxBitrate: 64_000 }]);
  assert.equal(speech.codecOptions?.opusStereo, false);
  const music = producerChoices(device, track("audio"), { contentHint: "music" });
  assert.deepEqual([music.encodings, music.codecOptions?.opusStereo], [[{ maxBitrate: 128_000 }], true]);
});

test("encodings of one's own overrule all presets", () => {
  const own = [{ maxBitrate: 1, rid: "a" }];
  const { encodings } = producerChoices(device, track("video"), { encodings: own, simulcast: true, maxBitrate: 2 });
  assert.deepEqual(encodings, own);
});

test("a codec goes by its name or its MIME type, in any case", () => {
  for (const codec of ["VP9", "vp9", "video/VP9", "video/vp9"]) {
    assert.equal(producerChoices(device, track("video"), { codec }).codec?.mimeType, "video/VP9");
  }
  for (const codec of ["rtx", "opus", "H263"]) {
    assert.throws(() => producerChoices(device, track("video"), { codec }), {
      code: "unsupported",
      hint: "use one of: video/VP8, video/VP9",
    });
  }
});

test("options are the same whatever order they are written in", () => {
  assert.ok(sameOptions({ codec: "VP9", simulcast: true }, { simulcast: true, codec: "VP9" }));
  assert.ok(!sameOptions({ simulcast: true }, {}));
  assert.ok(!sameOptions({ encodings: [{ maxBitrate: 1 }] }, { encodings: [{ maxBitrate: 2 }] }));
});
