// Makes one element like another, changing only what differs. What has data-still is drawn by scripts: it stays.
export function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) { old.nodeValue = fresh.nodeValue; }
    return;
  }
  if (old.hasAttribute("data-still") && fresh.hasAttribute("data-still")) { return; }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) { old.setAttribute(name, value); }
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) { old.removeAttribute(name); }
  }
  children(old, fresh);
}

// Sections are known again by their headings: one that comes or goes leaves the others where they are.
const label = (node) => (node.nodeType === Node.ELEMENT_NODE && node.getAttribute("aria-labelledby")) || "";

function children(old, fresh) {
  const wanted = [...fresh.childNodes];
  const labels = new Set(wanted.map(label).filter(Boolean));
  for (const node of [...old.childNodes]) {
    if (label(node) && !labels.has(label(node))) { node.remove(); }
  }
  wanted.forEach((node, place) => {
    const there = old.childNodes[place];
    if (there && label(there) === label(node)) { patch(there, node); return; }
    const known = label(node) && [...old.childNodes].find((each) => label(each) === label(node));
    if (known) {
      while (old.childNodes[place] !== known) { old.childNodes[place].remove(); }
      patch(known, node);
    } else {
      old.insertBefore(document.importNode(node, true), there ?? null);
    }
  });
  while (old.childNodes.length > wanted.length) { old.lastChild.remove(); }
}
