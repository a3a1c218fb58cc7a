// Opens a page in Chromium, does what a person would, and prints what was seen as JSON. Exit code 3: no browser starts here.
//
//   node look.mjs PAGE [FOLDER FOR SCREENSHOTS]
import chromium from "@sparticuz/chromium";
import { chromium as playwright } from "playwright-core";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [file, pictures] = process.argv.slice(2);
const url = pathToFileURL(file).href;

let browser;
try {
  browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ["--no-sandbox", "--disable-gpu"],
  });
} catch (error) {
  console.error(String(error));
  process.exit(3);
}

const seen = { requests: [], console: [], errors: [], dialogs: 0 };
const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
page.on("request", (request) => request.url() !== url && seen.requests.push(request.url()));
page.on("console", (message) => seen.console.push(message.text()));
page.on("pageerror", (error) => seen.errors.push(String(error)));
page.on("dialog", (dialog) => { seen.dialogs += 1; dialog.dismiss(); });
await page.goto(url);
await page.waitForSelector("#rows tbody tr");

const rows = () => page.$$eval("#rows tbody tr:not(.record)", (found) => found.length);
const column = (number) => page.$$eval(`#rows tbody tr:not(.record) td:nth-child(${number})`, (cells) => cells.map((cell) => cell.textContent));
const clear = async () => { await page.click("button[type=reset]"); await page.waitForTimeout(50); };

seen.title = await page.title();
seen.heading = await page.textContent("h1");
seen.rows = await rows();
const services = await page.$$eval("select[name=service] option", (options) => options.map((option) => option.value));
seen.service = services[1];
await page.selectOption("select[name=service]", services[1]);
seen.ofService = await column(2);
await clear();
await page.selectOption("select[name=outcome]", "failed");
seen.outcomes = await column(4);
await clear();
await page.fill("input[name=text]", "onerror");
seen.withText = await rows();
await page.click("#rows tbody tr");
seen.record = await page.textContent("#rows tr.record pre");
await page.click("#rows tbody tr");
seen.afterClosing = await page.$$eval("#rows tr.record", (found) => found.length);
await clear();
seen.cleared = await rows();
await page.click(".map td[data-hour]");
seen.ofHour = await rows();
await clear();
await page.click(".histogram .hit");
seen.ofBar = await rows();
await clear();

seen.elements = await page.evaluate(() => document.querySelectorAll("img, iframe, object, embed, link, base, [onerror], [onload], [style]").length);
seen.scripts = await page.evaluate(() => document.scripts.length);
const before = seen.console.length;
// Nothing can make markup of a text, even if the script tried to.
seen.refused = await page.evaluate(() => {
  try {
    const made = document.createElement("script");
    made.textContent = "window.ran = 1";
    document.body.append(made);
  } catch { /* refused */ }
  try { document.body.insertAdjacentHTML("beforeend", "<img src=x>"); } catch { return window.ran === undefined; }
  return false;
});
// The browser says that it refused.
seen.console.length = before;
seen.hidden = await page.evaluate(() => /[\u0000-\u0008\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/.test(document.documentElement.innerText));
seen.title_hidden = /[\u202a-\u202e]/.test(seen.title);

seen.background = {};
for (const colorScheme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme });
  seen.background[colorScheme] = await page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
}
seen.overflow = {};
for (const width of [1280, 420]) {
  await page.setViewportSize({ width, height: 900 });
  seen.overflow[width] = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (!pictures) continue;
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: join(pictures, `${width}-${colorScheme}.png`), fullPage: true });
  }
}
await page.emulateMedia({ media: "print" });
seen.formInPrint = await page.evaluate(() => getComputedStyle(document.querySelector("form")).display);
await browser.close();
console.log(JSON.stringify(seen));
