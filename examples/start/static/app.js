/** One card for each example that the server has. */
const shelf = document.querySelector("#shelf");
const template = document.querySelector("#card").content;

function card({ name, title, text, command, missing, pictured, reads }) {
  const item = template.cloneNode(true).firstElementChild;
  const find = (selector) => item.querySelector(selector);
  item.dataset.name = name;
  find("h2").textContent = title;
  find(".text").textContent = text;

  find(".picture").dataset.initial = title[0];
  if (pictured) {
    find("source").srcset = `/picture/${name}-dark.webp`;
    find("img").src = `/picture/${name}.webp`;
  } else find("picture").remove();

  const link = find(".open");
  link.href = `/open/${name}`;
  link.setAttribute("aria-label", `Open ${title}`);
  link.onclick = () => { link.textContent = "Starting …"; };
  if (missing.length) {
    link.remove();
    const code = Object.assign(document.createElement("code"), { textContent: `cd examples/${name} && ${command}` });
    find(".needs").append(`Needs ${missing.join(", ")}, which this machine has not. When it has: `, code);
    find(".needs").hidden = false;
  }

  find(".reads").append("Read ");
  reads.forEach((path, index) => {
    const file = Object.assign(document.createElement("a"), { href: `/read/${name}/${path}`, textContent: path.split("/").at(-1) });
    find(".reads").append(index ? ", " : "", file);
  });
  return item;
}

// The browser may bring this page back as it was left.
addEventListener("pageshow", () => {
  for (const link of document.querySelectorAll(".card .open")) link.textContent = "Open";
});

try {
  const examples = await (await fetch("/examples")).json();
  shelf.append(...examples.map(card));
} catch (error) {
  const trouble = document.querySelector("#trouble");
  trouble.textContent = `The server does not answer (${error.message}). Start it again with "make demo" and reload this page.`;
  trouble.hidden = false;
} finally {
  shelf.ariaBusy = "false";
}
