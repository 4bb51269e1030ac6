/** Tells when the page goes away and when it comes back: from the back/forward cache it returns as it was left. */
export interface PageLifeObserver {
  leaving(): void;
  returned(): void;
}

/** @returns what stops the watching. Outside a page nothing is ever told. */
export function watchPage({ leaving, returned }: PageLifeObserver): () => void {
  if (typeof addEventListener !== "function") return () => undefined;
  const shown = ({ persisted }: PageTransitionEvent) => {
    if (persisted) returned();
  };
  addEventListener("pagehide", leaving);
  addEventListener("pageshow", shown);
  return () => {
    removeEventListener("pagehide", leaving);
    removeEventListener("pageshow", shown);
  };
}
