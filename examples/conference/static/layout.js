/** Where tiles go: as large as they can be, none hidden, the last row in the middle. Numbers are pixels. */

const GAP = 12;
const STRIP_SHARE = 0.22; // of the people, beside a screen

/** Width to height. What does not fit is cut off at the edges of people, and never of screens. */
const SHAPES = {
  wide: { narrowest: 4 / 3, widest: 2 },
  upright: { narrowest: 3 / 4, widest: 2 },
  screen: { narrowest: 0, widest: Infinity },
};

/** Boxes {x, y, width, height} for so many people and shared screens in a window of that size. */
export function layout({ people, screens, width, height }) {
  const window = { x: 0, y: 0, width, height };
  if (screens === 0) return { people: pack(people, window, shapeFor(window)), screens: [] };
  const [main, strip] = split(window);
  return { people: pack(people, strip, shapeFor(strip)), screens: pack(screens, main, SHAPES.screen) };
}

function shapeFor({ width, height }) {
  return width > height ? SHAPES.wide : SHAPES.upright;
}

function split({ width, height }) {
  if (width > height) {
    const strip = Math.max(140, Math.floor(width * STRIP_SHARE));
    const main = width - strip - GAP;
    return [{ x: 0, y: 0, width: main, height }, { x: main + GAP, y: 0, width: strip, height }];
  }
  const strip = Math.floor(height * STRIP_SHARE);
  const main = height - strip - GAP;
  return [{ x: 0, y: 0, width, height: main }, { x: 0, y: main + GAP, width, height: strip }];
}

/** The number of columns with which the tiles are largest. */
function pack(count, area, { narrowest, widest }) {
  let best = { size: -1 };
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cellWidth = (area.width - GAP * (columns - 1)) / columns;
    const cellHeight = (area.height - GAP * (rows - 1)) / rows;
    const width = Math.max(0, Math.floor(Math.min(cellWidth, cellHeight * widest)));
    const height = Math.max(0, Math.floor(narrowest ? Math.min(cellHeight, cellWidth / narrowest) : cellHeight));
    if (width * height > best.size) best = { size: width * height, columns, rows, width, height };
  }
  const { columns, rows, width, height } = best;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = row === rows - 1 ? count - row * columns : columns;
    const left = middle(area.width, inRow, width);
    const top = middle(area.height, rows, height);
    return { x: area.x + left + (index % columns) * (width + GAP), y: area.y + top + row * (height + GAP), width, height };
  });
}

function middle(length, count, size) {
  return Math.floor((length - count * size - (count - 1) * GAP) / 2);
}
