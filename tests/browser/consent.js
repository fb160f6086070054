// Opens a consent page in the host's chromium and presses one of its buttons. Arguments: chromium, a new folder for
// what it keeps, the page's address, the button. Prints as JSON what the page shows, the address that the browser is
// sent to, and what is shown there; nothing where that is not on this machine.
"use strict";
const { chromium } = require("playwright-core");

const [executablePath, kept, address, button] = process.argv.slice(2);
const args = [
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  // Nothing but this machine is asked for, whatever the browser would like to know.
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
];

async function main() {
  const options = { executablePath, args, headless: true, chromiumSandbox: false, timeout: 120_000 };
  const browser = await chromium.launchPersistentContext(kept, options);
  try {
    const page = await browser.newPage();
    await page.goto(address);
    const shown = await page.innerText("body");
    const sentTo = page.waitForRequest((request) => request.isNavigationRequest() && request.redirectedFrom() !== null);
    await page.getByRole("button", { name: button, exact: true }).click({ noWaitAfter: true });
    const answer = await (await sentTo).response();
    if (answer !== null) await page.waitForLoadState();
    const landed = answer === null ? null : await page.innerText("body");
    console.log(JSON.stringify({ shown, address: (await sentTo).url(), landed }));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
