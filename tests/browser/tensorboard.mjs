// Opens a pipeline's trials in the real TensorBoard and looks whether names and values are on the page.
//
//   node tests/browser/tensorboard.mjs URL RUNS STAGE SCREENSHOTS
//
// URL is where TensorBoard listens, RUNS the run tree that it shows, STAGE the name of its train stage; pictures of every
// tab go to the folder SCREENSHOTS. Needs the package playwright-core and a Chromium, at CHROMIUM or /usr/bin/chromium.
// Exits with 1 and the reason if anything is missing.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';

const [url, tree, stage, screenshots] = process.argv.slice(2);
const PATIENCE = 60_000;

// What the tables beside the event files say.
const configurations = fs.readdirSync(path.join(tree, stage)).sort();
const configuration = configurations.find((name) => name.startsWith('dfa')) ?? configurations[0];
const history = table(path.join(tree, stage, configuration, 'seed-0', 'history.csv'));
const last = history.at(-1);
const mean = table(path.join(tree, stage, configuration, 'mean', 'mean.csv'));
const meanOf = (metric) => Number(mean.filter((row) => row.metric === metric).at(-1).mean);

// A page asks once, so it is opened when everything is loaded.
const runs = configurations.flatMap((name) => fs.readdirSync(path.join(tree, stage, name)).map((run) => `${stage}/${name}/${run}`));
await until(async () => {
  const tags = await fetch(`${url}/data/plugin/scalars/tags`).then((answer) => answer.json()).catch(() => ({}));
  return runs.every((run) => tags[run]?.['error_rate/validation']);
}, `TensorBoard has loaded ${runs.length} runs`);

fs.mkdirSync(screenshots, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
try {
  for (const [tab, look] of [
    ['timeseries', timeSeries],
    ['custom_scalars', customScalars],
    ['histograms', histograms],
    ['images', images],
    ['text', text],
    ['hparams', hparams],
  ]) {
    // A page of its own for each tab: TensorBoard remembers filters.
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    page.setDefaultTimeout(PATIENCE);
    await page.goto(`${url}/?darkMode=false#${tab}`);
    try {
      await look(page);
      // Curves are drawn a moment after their card is there.
      await page.waitForTimeout(1500);
    } finally {
      await page.screenshot({ path: path.join(screenshots, `${tab}.png`) });
    }
    console.log(`${tab}: ok`);
    await page.close();
  }
} finally {
  await browser.close();
}

async function timeSeries(page) {
  const cards = page.locator('scalar-card:visible');
  // One trial and one metric: its card's table has the last value, and no other run.
  await type(page.locator('metrics-tag-filter input'), '^layer_1/bp_cosine$');
  await type(page.locator('input[placeholder="Filter runs (regex)"]'), `${configuration}/seed-0$`);
  await until(async () => (await cards.count()) === 1, 'one card is left');
  await cards.getByText('layer_1/bp_cosine', { exact: true }).first().waitFor();
  await cards.getByText(`${stage}/${configuration}/seed-0`).first().waitFor();
  await number(cards.first(), Number(last['layer_1/bp_cosine']));
  await until(async () => !(await cards.first().innerText()).includes('seed-1'), 'the filter of runs is heard');
  // Then what the page is for: the mean over seeds of every configuration in one chart.
  await type(page.locator('metrics-tag-filter input'), '^(error_rate/validation|layer_1/bp_cosine)$');
  await type(page.locator('input[placeholder="Filter runs (regex)"]'), '/mean$');
  await until(async () => (await cards.count()) === 2, 'two cards are left');
  await number(cards.first(), meanOf('error_rate/validation'));
  for (const name of configurations) {
    await page.getByText(`${stage}/${name}/mean`).first().waitFor();
  }
}

/// Types as a person does: TensorBoard listens to keys.
async function type(input, text) {
  await input.fill('');
  await input.pressSequentially(text);
  // Closes the suggestions.
  await input.press('Escape');
}

async function customScalars(page) {
  await page.getByText('mean and standard deviation over seeds').waitFor();
  await page.getByText('error_rate/validation', { exact: true }).first().waitFor();
  // A series for the mean of every configuration.
  await page.getByText(`Matches (${configurations.length})`).first().waitFor();
}

async function histograms(page) {
  await page.locator('tf-tag-filterer input').fill('^layer_1/weights$');
  await page.getByText('layer_1/weights', { exact: true }).first().waitFor();
  await page.getByText(`${stage}/${configurations[0]}/seed-0`).first().waitFor();
  await page.locator('vz-histogram-timeseries path').first().waitFor();
}

async function images(page) {
  await page.getByText('layer_1/weights_of_first_units', { exact: true }).first().waitFor();
  const image = page.locator('tf-image-loader img').first();
  await image.waitFor();
  await until(async () => (await image.evaluate((element) => element.naturalWidth)) > 100, 'the picture has pixels');
}

async function text(page) {
  await page.getByText('configuration', { exact: true }).first().waitFor();
  await page.getByRole('cell', { name: 'learning_rate' }).first().waitFor();
  await page.locator('tf-tag-filterer input').fill('^pipeline$');
  await page.getByText(`name: "${stage}"`).first().waitFor();
}

async function hparams(page) {
  await page.getByText('TABLE VIEW').waitFor();
  // The seeds of a configuration are one row, with the mean of the metrics.
  await page.getByText(configuration.split('-')[0], { exact: true }).first().waitFor();
  await page.getByText(meanOf('error_rate/validation').toPrecision(5), { exact: true }).first().waitFor();
  await page.screenshot({ path: path.join(screenshots, 'hparams-table.png') });
  await page.getByText('PARALLEL COORDINATES VIEW').click();
  await page.locator('tf-hparams-parallel-coords-plot').getByText('error_rate/validation').first().waitFor();
  await page.locator('tf-hparams-parallel-coords-plot path').first().waitFor({ state: 'attached' });
}

/// Waits until one of the numbers within `part` is `value`, as far as TensorBoard prints it.
async function number(part, value) {
  const printed = async () => {
    const words = (await part.innerText()).split(/\s+/);
    return words.some((word) => word !== '' && Math.abs(Number(word) - value) <= Math.max(Math.abs(value) * 1e-4, 6e-5));
  };
  await until(printed, `the page shows ${value}`);
}

async function until(condition, what) {
  const start = Date.now();
  while (!(await condition())) {
    assert.ok(Date.now() - start < PATIENCE, `not within ${PATIENCE / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/// The rows of a CSV file, by column.
function table(file) {
  const [header, ...rows] = fs.readFileSync(file, 'utf8').trim().split('\n').map((line) => line.split(','));
  return rows.map((row) => Object.fromEntries(header.map((name, index) => [name, row[index]])));
}
