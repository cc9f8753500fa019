// Opens a report in a browser, narrow and wide, in the light and in the dark, and looks whether it can be read.
//
//   node tests/browser/report.mjs PAGE SCREENSHOTS
//
// PAGE is the HTML file; pictures of it, and how it prints, go to the folder SCREENSHOTS. Needs the package playwright-core and a
// Chromium, at CHROMIUM or /usr/bin/chromium. Exits with 1 and the reason if anything is wrong.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [file, screenshots] = process.argv.slice(2);
const url = pathToFileURL(path.resolve(file)).href;
const name = path.basename(file, '.html');
// Taller pictures than this are of no use to anybody.
const HEIGHT = 16_000;

fs.mkdirSync(screenshots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  for (const width of [1280, 400]) {
    for (const colorScheme of ['light', 'dark']) {
      await visit({ viewport: { width, height: 900 }, colorScheme }, async (page) => {
        await fits(page);
        await charts(page);
        await picture(page, `${name}-${width}-${colorScheme}`);
        if (colorScheme === 'light') {
          await sorts(page);
          await filters(page);
        }
        await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
        await fits(page);
      });
      console.log(`${name}: ${width} pixels, ${colorScheme}: ok`);
    }
  }
  await visit({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false }, async (page) => {
    await page.locator('h1').waitFor();
    for (const choice of await page.locator('.filter').all()) {
      assert.equal(await choice.isVisible(), false, 'a choice that does nothing is not shown');
    }
  });
  await visit({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }, async (page) => {
    await page.pdf({ path: path.join(screenshots, `${name}.pdf`), preferCSSPageSize: true });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    assert.equal(ground, 'rgb(255, 255, 255)', 'paper is white for those who read in the dark, too');
    const choices = await page.locator('.filter').all();
    for (const choice of choices) {
      assert.equal(await choice.isVisible(), false, 'paper has nothing to choose');
    }
    if (choices.length > 0) {
      await choices[0].locator('select').evaluate((select) => {
        select.selectedIndex = 1;
        select.dispatchEvent(new Event('change'));
      });
      assert.equal(await choices[0].isVisible(), true, 'a part of the rows says so on paper, too');
    }
  });
  console.log(`${name}: without script, and on paper: ok`);
  await visit({ viewport: { width: 1280, height: 900 } }, async (page) => {
    const milliseconds = await page.evaluate(() => performance.getEntriesByType('navigation')[0].loadEventEnd);
    const elements = await page.evaluate(() => document.querySelectorAll('*').length);
    console.log(`${name}: ${fs.statSync(file).size} bytes, ${elements} elements, loaded in ${Math.round(milliseconds)} ms`);
  });
} finally {
  await browser.close();
}

/// Opens the page, looks at it, and fails if it asked the network for anything or complained.
async function visit(options, look) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => complaints.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error}`));
  page.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) {
      complaints.push(`request: ${request.url()}`);
    }
  });
  await page.goto(url);
  await look(page);
  assert.deepEqual(complaints, []);
  await context.close();
}

/// Nothing is wider than the page; what is says so by scrolling by itself.
async function fits(page) {
  const wide = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.clientWidth >= root.scrollWidth) return [];
    const reaches = Array.from(document.body.querySelectorAll('*')).filter((element) =>
      element.getBoundingClientRect().right > root.clientWidth + 1 && element.closest('.scroll, pre') === null);
    return [`${root.scrollWidth} > ${root.clientWidth}`, ...reaches.map((element) => element.outerHTML.slice(0, 120))];
  });
  assert.deepEqual(wide, [], 'the document scrolls sideways');
}

/// No text in a chart lies on another one, or outside of its chart, or is too small to be read.
async function charts(page) {
  const problems = await page.evaluate(() => {
    const found = [];
    for (const svg of document.querySelectorAll('svg.chart')) {
      const box = svg.getBoundingClientRect();
      const texts = Array.from(svg.querySelectorAll('text')).map((text) => [text.textContent, text.getBoundingClientRect()]);
      const size = 11 * box.width / svg.viewBox.baseVal.width;
      if (size < 10) found.push(`${size} pixels high: ${svg.ariaLabel}`);
      texts.forEach(([text, one], index) => {
        if (one.left < box.left - 0.5 || one.right > box.right + 0.5 || one.top < box.top - 0.5 || one.bottom > box.bottom + 0.5) {
          found.push(`outside: ${text} in ${svg.ariaLabel}`);
        }
        for (const [other, two] of texts.slice(index + 1)) {
          if (one.left < two.right && two.left < one.right && one.top < two.bottom && two.top < one.bottom) {
            found.push(`${text} on ${other} in ${svg.ariaLabel}`);
          }
        }
      });
      if (!svg.ariaLabel || svg.getAttribute('role') !== 'img') found.push('a chart without words');
    }
    return found;
  });
  assert.deepEqual(problems, []);
}

/// A click on a header sorts all rows by it, numbers as numbers; a second one the other way.
async function sorts(page) {
  const table = page.locator('.sortable').first();
  if (await table.count() === 0) {
    return;
  }
  const headers = await table.locator('table').first().locator('thead th').count();
  for (let column = 0; column < headers; column += 1) {
    const header = table.locator('table').first().locator('thead th').nth(column);
    for (let click = 0; click < 2; click += 1) {
      await header.locator('button').click();
      const direction = await header.getAttribute('aria-sort');
      assert.ok(['ascending', 'descending'].includes(direction), 'the header says how it sorts');
      const values = await table.evaluate((whole, index) =>
        Array.from(whole.querySelectorAll('tbody tr')).map((row) => row.cells[index].dataset.value ?? null), column);
      const known = values.filter((value) => value !== null);
      assert.deepEqual(values.slice(known.length).filter((value) => value !== null), [], 'what has no value is last');
      const before = (one, other) => {
        const order = isNaN(one) || isNaN(other) ? one.localeCompare(other, 'en', { numeric: true }) : one - other;
        return direction === 'ascending' ? order <= 0 : order >= 0;
      };
      known.slice(1).forEach((value, index) => assert.ok(before(known[index], value), `${known[index]} before ${value}`));
    }
  }
}

/// A choice shows the rows and lines of one group in all tables and drawings, sorted as before; the first choice shows all again.
async function filters(page) {
  const choice = page.locator('.filter select').first();
  if (await choice.count() === 0) {
    return;
  }
  const options = await choice.locator('option').evaluateAll((all) => all.map((option) => option.value));
  for (const group of [...options.slice(1), options[0]]) {
    await choice.selectOption(group);
    const seen = await page.evaluate(() => ({
      choices: Array.from(document.querySelectorAll('.filter select')).map((other) => other.value),
      tables: Array.from(document.querySelectorAll('.sortable')).map((whole) => {
        const all = Array.from(whole.querySelectorAll('tbody tr'));
        const more = whole.querySelector('details:not([hidden]) summary');
        return {
          rows: all.map((row) => row.dataset.group),
          shown: all.filter((row) => !row.hidden).map((row) => row.dataset.group),
          // Those that are shown come first.
          first: all.findIndex((row) => row.hidden),
          unfolded: Array.from(whole.querySelector('tbody').rows).filter((row) => !row.hidden).length,
          more: more === null ? 0 : parseInt(more.textContent.replaceAll(',', ''), 10),
        };
      }),
      lines: Array.from(document.querySelectorAll('.coordinates [data-group]'))
        .filter((line) => getComputedStyle(line).display !== 'none').map((line) => line.dataset.group),
    }));
    assert.ok(seen.choices.every((value) => value === group), 'all choices on the page are one');
    assert.ok(seen.lines.every((other) => group === '' || other === group), `lines of others than ${group}`);
    for (const { rows, shown, first, unfolded, more } of seen.tables) {
      const expected = rows.filter((other) => group === '' || other === group);
      assert.deepEqual(shown.toSorted(), expected.toSorted(), `rows of ${group}`);
      assert.equal(first, shown.length === rows.length ? -1 : shown.length);
      assert.equal(unfolded + more, shown.length, 'the fold counts the others');
    }
  }
}

async function picture(page, title) {
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  const { width } = page.viewportSize();
  const clip = { x: 0, y: 0, width, height: Math.min(height, HEIGHT) };
  await page.screenshot({ path: path.join(screenshots, `${title}.png`), fullPage: true, clip });
}
