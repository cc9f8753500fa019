// Sorts all rows of a table by the column whose header is clicked, and shows the rows and lines of the group that is chosen. A table may have
// two parts, the second of which is closed at first; the first one keeps its number of rows. No character of this file needs to be escaped.
(function () {
  document.documentElement.classList.add('scripted');
  let chosen = '';
  const isShown = (element) => chosen === '' || element.dataset.group === chosen;
  const value = (row, column) => row.cells[column].dataset.value;
  const order = (first, second) => {
    const [one, other] = [Number(first), Number(second)];
    return isNaN(one) || isNaN(other) ? first.localeCompare(second, 'en', { numeric: true }) : one - other;
  };
  const tables = Array.from(document.querySelectorAll('.sortable')).map((whole) => {
    const parts = Array.from(whole.querySelectorAll('table'));
    const fold = whole.querySelector('details');
    const size = parts[0].tBodies[0].rows.length;
    let rows = parts.flatMap((part) => Array.from(part.tBodies[0].rows));
    const arrange = () => {
      const shown = rows.filter(isShown);
      const all = shown.concat(rows.filter((row) => !isShown(row)));
      all.forEach((row, index) => {
        row.hidden = !isShown(row);
        parts[size > index ? 0 : 1].tBodies[0].append(row);
      });
      if (fold !== null) {
        const more = Math.max(shown.length - size, 0);
        fold.hidden = more === 0;
        fold.querySelector('summary').textContent = (10000 > more ? more : more.toLocaleString('en')) + ' more';
      }
    };
    const sort = (column, sign) => {
      // Rows without a value come last in both directions.
      const known = rows.filter((row) => value(row, column) !== undefined);
      const unknown = rows.filter((row) => value(row, column) === undefined);
      known.sort((one, other) => sign * order(value(one, column), value(other, column)));
      rows = known.concat(unknown);
      arrange();
    };
    parts.forEach((part) => part.querySelectorAll('th button').forEach((button) => {
      const column = button.parentElement.cellIndex;
      button.addEventListener('click', () => {
        const direction = button.parentElement.ariaSort === 'ascending' ? 'descending' : 'ascending';
        parts.forEach((other) => Array.from(other.tHead.rows[0].cells).forEach((header, index) => {
          if (index === column) header.setAttribute('aria-sort', direction);
          else header.removeAttribute('aria-sort');
        }));
        sort(column, direction === 'ascending' ? 1 : -1);
      });
    }));
    return { arrange };
  });
  // All choices on the page are one.
  const choices = Array.from(document.querySelectorAll('.filter select'));
  choices.forEach((choice) => choice.addEventListener('change', () => {
    chosen = choice.value;
    choices.forEach((other) => {
      other.value = chosen;
      other.closest('.filter').classList.toggle('chosen', chosen !== '');
    });
    tables.forEach((table) => table.arrange());
    document.querySelectorAll('.coordinates [data-group]').forEach((line) => {
      line.style.display = isShown(line) ? '' : 'none';
    });
  }));
})();
