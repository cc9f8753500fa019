// Sorts all rows of a table by the column whose header is clicked. A table may have two parts, the second of which is closed at first;
// each part keeps its number of rows. No character of this file needs to be escaped.
(function () {
  document.documentElement.classList.add('scripted');
  const value = (row, column) => row.cells[column].dataset.value;
  const order = (first, second) => {
    const [one, other] = [Number(first), Number(second)];
    return isNaN(one) || isNaN(other) ? first.localeCompare(second, 'en', { numeric: true }) : one - other;
  };
  document.querySelectorAll('.sortable').forEach((whole) => {
    const tables = Array.from(whole.querySelectorAll('table'));
    const sizes = tables.map((table) => table.tBodies[0].rows.length);
    const sort = (column, sign) => {
      const rows = tables.flatMap((table) => Array.from(table.tBodies[0].rows));
      // Rows without a value come last in both directions.
      const known = rows.filter((row) => value(row, column) !== undefined);
      const unknown = rows.filter((row) => value(row, column) === undefined);
      known.sort((one, other) => sign * order(value(one, column), value(other, column)));
      const sorted = known.concat(unknown);
      tables.forEach((table, index) => table.tBodies[0].append(...sorted.splice(0, sizes[index])));
    };
    tables.forEach((table) => table.querySelectorAll('th button').forEach((button) => {
      const column = button.parentElement.cellIndex;
      button.addEventListener('click', () => {
        const direction = button.parentElement.ariaSort === 'ascending' ? 'descending' : 'ascending';
        tables.forEach((part) => Array.from(part.tHead.rows[0].cells).forEach((header, index) => {
          if (index === column) header.setAttribute('aria-sort', direction);
          else header.removeAttribute('aria-sort');
        }));
        sort(column, direction === 'ascending' ? 1 : -1);
      });
    }));
  });
})();
