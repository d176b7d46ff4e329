// Moves and zooms a plane in its pane: by wheel, by dragging, with two fingers.

const SMALLEST = 0.08;
const LARGEST = 3;

export function movable(pane, plane) {
  const view = { x: 0, y: 0, scale: 1 };
  const pointers = new Map();
  let dragged = 0;

  function apply() {
    plane.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  }

  function zoom(factor, x = pane.clientWidth / 2, y = pane.clientHeight / 2) {
    const scale = Math.min(LARGEST, Math.max(SMALLEST, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    apply();
  }

  function pan(dx, dy) {
    view.x += dx;
    view.y += dy;
    apply();
  }

  // Show a width in full if texts stay readable, else what is around `entry`; all of it if `all`.
  function fit({ width, height, entry }, all = false) {
    const across = pane.clientWidth / width;
    const whole = Math.min(across, pane.clientHeight / height);
    const readable = Math.max(Math.min(across, 1), 0.55);
    view.scale = Math.max(Math.min(1, all || whole > 0.8 ? whole : readable), SMALLEST);
    const middle = (pane.clientWidth - width * view.scale) / 2;
    const isWider = middle < 0 && !all;
    view.x = isWider ? pane.clientWidth / 2 - entry * view.scale : middle;
    view.y = Math.max((pane.clientHeight - height * view.scale) / 2, 0);
    apply();
  }

  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    const box = pane.getBoundingClientRect();
    const unit = event.deltaMode === 1 ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {
      zoom(Math.exp(-event.deltaY * unit * 0.005), event.clientX - box.x, event.clientY - box.y);
    } else if (event.shiftKey) pan(-event.deltaY * unit, 0);
    else pan(-event.deltaX * unit, -event.deltaY * unit);
  }, { passive: false });

  pane.addEventListener("pointerdown", (event) => {
    pointers.set(event.pointerId, [event.clientX, event.clientY]);
    dragged = 0;
  });
  pane.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (pointers.size === 2) pinch(event.pointerId, now);
    else {
      dragged += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
      if (dragged > 4 && !pane.hasPointerCapture(event.pointerId)) {
        pane.setPointerCapture(event.pointerId);
      }
      pan(now[0] - before[0], now[1] - before[1]);
    }
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    pane.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }

  function pinch(id, now) {
    const [other] = [...pointers].filter(([key]) => key !== id).map(([, at]) => at);
    const before = pointers.get(id);
    const distance = ([x, y]) => Math.hypot(x - other[0], y - other[1]);
    const box = pane.getBoundingClientRect();
    const middle = [(now[0] + other[0]) / 2 - box.x, (now[1] + other[1]) / 2 - box.y];
    zoom(distance(now) / Math.max(distance(before), 1), ...middle);
    dragged = 100;
  }

  return { view, zoom, pan, fit, apply, wasDragged: () => dragged > 4 };
}
