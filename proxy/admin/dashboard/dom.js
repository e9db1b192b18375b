// Ways to make and change elements. What the server sent only ever becomes text.

/**
 * Make an element.
 *
 * Attributes that are null, undefined or false are left out; those that begin with "on" are
 * listeners. Children are elements or text.
 */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** The element of the page with this id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Set a text, without touching the document where it is the same. */
export function setText(element, text) {
  const wanted = String(text ?? "");
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** Set an attribute, or take it away where the value is null or false. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const wanted = value === true ? "" : String(value);
  if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted);
}

/** Show an element, or hide it from everybody. */
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

const known = new WeakMap();

/**
 * Let a parent have one child for each item, in their order.
 *
 * Children are kept as long as their key is there, so that focus and selection stay.
 *
 * @param parent has no other children.
 * @param keyOf gives an item's key.
 * @param make makes the child of a new item.
 * @param update brings a child to what its item is now.
 */
export function keyed(parent, items, keyOf, make, update) {
  const before = known.get(parent) ?? new Map();
  const after = new Map();
  for (const item of items) {
    const key = keyOf(item);
    const child = before.get(key) ?? make(item);
    before.delete(key);
    after.set(key, child);
    update(child, item);
  }
  for (const child of before.values()) child.remove();
  let place = parent.firstChild;
  for (const child of after.values()) {
    if (child === place) place = place.nextSibling;
    else parent.insertBefore(child, place);
  }
  known.set(parent, after);
}
