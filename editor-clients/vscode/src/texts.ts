// Texts that are shown, made from what the server says. Pure: tested without VS Code.

import type { PreparedFix, State, Status } from "./protocol";

const ICONS: Record<State, string> = {
  idle: "$(lightbulb)",
  loading: "$(loading~spin)",
  preparing: "$(loading~spin)",
  fixing: "$(loading~spin)",
  training: "$(sync~spin)",
  off: "$(circle-slash)",
  error: "$(error)",
};

/** The status bar's text. With fixes ready, the bulb is lit. */
export function statusText(status: Status): string {
  const lit = status.state === "idle" && (status.ready ?? 0) > 0;
  const icon = lit ? "$(lightbulb-sparkle)" : ICONS[status.state];
  return `${icon} ${status.text || "Whetstone"}`;
}

/** Text of others inside Markdown: nothing in it is markup, a link or an icon. */
export function escaped(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+\-.!|<>~$&]/g, "\\$&");
}

/** The line's mark where a fix is ready, such as ` ⚡ fix ready: replace foo with bar`. */
export function hintText(fix: PreparedFix): string {
  const title = fix.title.replace(/^Whetstone: /, "").replaceAll("`", "");
  const short = title.length > 70 ? `${title.slice(0, 69)}…` : title;
  return `⚡ fix ready: ${short}`;
}

/** Does this look like a Python traceback, or what pytest prints of a failure? */
export function looksLikeTraceback(text: string): boolean {
  return (
    /^\s*File "[^"\n]+", line \d+/m.test(text) ||
    /^[^\s:]+\.py:\d+: /m.test(text) ||
    /^E\s{3,}\S/m.test(text)
  );
}

/** The address that `whetstone prefs browse` prints, with the secret that lets one in. */
export function addressIn(text: string): string | undefined {
  return /^Preferences: (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+)\s/m.exec(text)?.[1];
}
