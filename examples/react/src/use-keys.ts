import { useEffect } from "react";

/** Single keys, wherever on the page, except where one types. */
export function useKeys(keys: Record<string, () => void>): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const act = keys[event.key.toLowerCase()];
      const elsewhere = event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey;
      if (act && !elsewhere && !event.repeat) act();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  });
}
