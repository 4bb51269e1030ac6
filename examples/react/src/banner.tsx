import type { SimplePeerError } from "simplesfu";
import type { Call } from "simplesfu/react";

interface BannerProps {
  call: Call;
  errors: (SimplePeerError | null)[];
  problem: string | null;
}

/** What is wrong, if something is: the worst first. */
export function Banner({ call, errors, problem }: BannerProps) {
  const error = call.error ?? errors.find((error) => error !== null);
  const text =
    (call.state === "reconnecting" && "The connection is lost. It comes back by itself.") ||
    (error && `${error.message}. ${error.hint}`) ||
    problem;
  return (
    <p className="banner" role="alert" hidden={!text}>
      {text}
    </p>
  );
}
