// Chromium for tests/editors/workbench.py: one JSON request a line on standard input, one JSON answer
// a line on standard output. `node driver.cjs CHROMIUM WIDTH HEIGHT WAIT_MS`, with playwright-core on
// NODE_PATH.
const { createInterface } = require("node:readline");
const { chromium } = require("playwright-core");

const [executablePath, width, height, waitMs] = process.argv.slice(2);
const QUIET = [
  "--no-sandbox", // the tests run in containers, as root
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];
const said = [];
let browser;
let page;
let exited;

/** The element that a request names: a selector, and text that it must have. */
function found({ selector, text }) {
  const all = page.locator(selector);
  return text === undefined ? all : all.filter({ hasText: text });
}

const requests = {
  async open({ url }) {
    browser ??= await chromium.launch({ executablePath, headless: true, args: QUIET, timeout: Number(waitMs) });
    const viewport = { width: Number(width), height: Number(height) };
    const context = await browser.newContext({ viewport });
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    context.setDefaultTimeout(Number(waitMs));
    page = await context.newPage();
    page.on("console", (message) => said.push(`${message.type()}: ${message.text().slice(0, 300)}`));
    // Called by VS Code's own runner of extension tests, with the status of the run.
    exited = new Promise((done) => page.exposeFunction("codeAutomationExit", done));
    await page.exposeFunction("codeAutomationLog", (kind, words) => {
      said.push(`${kind}: ${JSON.stringify(words).slice(0, 300)}`);
    });
    await page.goto(url);
  },
  async visit({ url }) {
    await page.goto(url);
  },
  html: () => page.content(),
  /** The addresses of all pages; those that VS Code opened come after its own. */
  pages: () => page.context().pages().map((each) => each.url()),
  exit: () => exited,
  said: () => said,
  count: (request) => found(request).count(),
  texts: async (request) =>
    (await found(request).allInnerTexts()).map((text) => text.replaceAll("\u00a0", " ")),
  /** How many of them there are inside webviews. */
  async framed({ selector }) {
    const counts = await Promise.all(
      page.frames().map((frame) => frame.locator(selector).count().catch(() => 0)),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  },
  // Decorations are drawn as pseudo-elements, which no text of the page holds.
  marks: () =>
    page.evaluate(() =>
      [...document.querySelectorAll(".view-line span")]
        .map((element) => getComputedStyle(element, "::after").content)
        .filter((content) => content.startsWith('"') && content !== '""')
        .map((content) => JSON.parse(content).replaceAll("\u00a0", " ")),
    ),
  click: ({ position, double, timeout, ...request }) =>
    found(request).first()[double ? "dblclick" : "click"]({ position, timeout }),
  /** The mouse over nothing, so that no tooltip covers anything. */
  away: () => page.mouse.move(0, Number(height) / 2),
  hover: (request) => found(request).first().hover(),
  press: ({ key }) => page.keyboard.press(key),
  type: ({ text }) => page.keyboard.type(text),
  async screenshot({ path }) {
    await page.screenshot({ path, animations: "disabled" });
  },
  close: () => browser?.close(),
};

createInterface({ input: process.stdin }).on("line", async (line) => {
  const { id, request, ...parameters } = JSON.parse(line);
  let answer;
  try {
    answer = { id, value: (await requests[request](parameters)) ?? null };
  } catch (error) {
    answer = { id, error: error.message };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
process.stdin.on("end", async () => {
  await browser?.close();
  process.exit(0);
});
