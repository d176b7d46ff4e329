// Measures the graph of a page in the browser: returns what overlaps, and labels outside of boxes.
() => {
  const found = [];
  const rect = (element) => element.getBoundingClientRect();
  const hull = (rects) => ({
    left: Math.min(...rects.map((one) => one.left)),
    right: Math.max(...rects.map((one) => one.right)),
    top: Math.min(...rects.map((one) => one.top)),
    bottom: Math.max(...rects.map((one) => one.bottom)),
  });
  const every = (selector) => [...document.querySelectorAll(`.plane ${selector}`)];
  const named = (element, rects) => ({ ...hull(rects),
    name: element.querySelector("text").textContent });
  const boxes = every(".box").map((box) => named(box, [...box.querySelectorAll(".face")].map(rect)));
  const heads = every(".head").map((head) => named(head, [rect(head.querySelector(".bar"))]));
  const outputs = every(".output").map((one) => named(one, [rect(one.querySelector("rect"))]));
  const all = [...boxes, ...heads, ...outputs].sort((a, b) => a.top - b.top);
  for (let n = 0; n < all.length; n += 1) {
    for (let m = n + 1; m < all.length && all[m].top < all[n].bottom - 0.2; m += 1) {
      const [a, b] = [all[n], all[m]];
      if (a.left < b.right - 0.2 && b.left < a.right - 0.2) {
        found.push(`${a.name} overlaps ${b.name}`);
      }
    }
  }
  for (const part of every(".card, .plane .strip, .plane .head, .plane .output")) {
    const face = rect(part.querySelector(".face, .bar, rect"));
    const texts = [...part.querySelectorAll("text")].map((text) => [text.textContent, rect(text)])
      .filter(([, at]) => at.width);
    for (const [words, at] of texts) {
      if (at.left < face.left - 0.5 || at.right > face.right + 0.5
        || at.top < face.top - 1.5 || at.bottom > face.bottom + 1.5) {
        found.push(`"${words}" leaves its box`);
      }
    }
    texts.forEach(([words, a], n) => {
      for (const [others, b] of texts.slice(n + 1)) {
        if (a.left < b.right - 0.5 && b.left < a.right - 0.5
          && a.top < b.bottom - 3 && b.top < a.bottom - 3) {
          found.push(`"${words}" is over "${others}"`);
        }
      }
    });
  }
  return { boxes: boxes.length, found };
}
