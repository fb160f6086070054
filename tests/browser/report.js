// Opens the report in the host's chromium. Arguments: chromium, a new folder for what it keeps, the page's file, the
// width in pixels, `light` or `dark`, and where a picture goes, if one is wanted. Prints as JSON what the console said,
// how far the page is wider than the window, which tables have to be scrolled sideways, texts with too little contrast, and
// what the keyboard reached.
"use strict";
const { chromium } = require("playwright-core");

const [executablePath, kept, file, width, colorScheme, picture] = process.argv.slice(2);
const args = ["--disable-gpu", "--disable-background-networking", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND"];

// Every text with a contrast below 4.5 (WCAG 2.2, 1.4.3), by the ground that is really behind it.
function paleTexts() {
  const part = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const ground = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const pale = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() === "" || element.closest("script, style, title, desc")) continue;
    const style = getComputedStyle(element);
    const ink = numbers(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) pale.add(`${element.tagName} ${contrast.toFixed(2)}`);
  }
  return [...pale];
}

async function main() {
  const viewport = { width: Number(width), height: 900 };
  const options = { executablePath, args, headless: true, chromiumSandbox: false, timeout: 120_000, viewport, colorScheme };
  const browser = await chromium.launchPersistentContext(kept, options);
  try {
    const page = await browser.newPage();
    const said = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(String(error)));
    const began = performance.now();
    await page.goto(`file://${file}`);
    await page.evaluate(() => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted))));
    const open_ms = performance.now() - began;
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const pale = await page.evaluate(paleTexts);
    const wide = await page.evaluate(() => {
      const tables = [...document.querySelectorAll(".scroll")].filter((scroll) => scroll.scrollWidth > scroll.clientWidth);
      return tables.map((scroll) => scroll.getAttribute("aria-label"));
    });
    if (picture) await page.screenshot({ path: picture, fullPage: true });
    let sorted = null;
    let searched = false;
    for (let presses = 0; presses < 400 && (sorted === null || !searched); presses += 1) {
      await page.keyboard.press("Tab");
      const at = await page.evaluate(() => document.activeElement.tagName);
      if (at === "BUTTON" && sorted === null) {
        await page.keyboard.press("Enter");
        await page.keyboard.press("Space");
        sorted = await page.evaluate(() => document.activeElement.closest("th").getAttribute("aria-sort"));
      }
      if (at === "INPUT" && !searched) {
        await page.keyboard.type("no row has this");
        searched = await page.evaluate(() => {
          const table = document.activeElement.closest("label").nextElementSibling.querySelector("table");
          return [...table.tBodies[0].rows].every((row) => row.hidden);
        });
      }
    }
    console.log(JSON.stringify({ said, overflow, wide, pale, sorted, searched, open_ms }));
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
