/** A page for React in Node: rendered for real, into a document that nobody sees. */
import { afterEach } from "node:test";
import { Window } from "happy-dom";
import type { ReactNode } from "react";
import { until } from "./wait.js";

const { document } = new Window();
// React wants a window as well; what else looks for one must go on finding that this is no browser.
Object.assign(globalThis, { document, window: { document }, navigator: { userAgent: "" } });
const { createRoot } = await import("react-dom/client");

/** To be called once at the top of a test file; what it gives renders, and renders again in the same place. */
export function page(): (content: ReactNode) => void {
  let root: ReturnType<typeof createRoot> | undefined;
  afterEach(() => {
    root?.unmount();
    root = undefined;
  });
  return (content) => {
    root ??= createRoot(document.createElement("main") as unknown as HTMLElement);
    root.render(content);
  };
}

/** What a component has been given, rendering by rendering. */
export class Seen<Value> {
  readonly all: Value[] = [];

  readonly see = (value: Value): null => {
    this.all.push(value);
    return null;
  };

  get last(): Value {
    const value = this.all.at(-1);
    if (value === undefined) throw new Error("nothing has been rendered");
    return value;
  }

  /** Waits for a rendering with it. */
  async until(what: string, isIt: (value: Value) => boolean | undefined): Promise<Value> {
    await until(what, () => this.all.length > 0 && isIt(this.last));
    return this.last;
  }
}
