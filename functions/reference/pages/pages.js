// What our pages have in common: those behind the links of mails, and those of sign-in

const parameters = new URLSearchParams(location.search);
const token = parameters.get("token") ?? undefined;
const button = document.querySelector("button");
const status = document.querySelector("[role=status]");
// What works once is nobody else's business: it does not stay in the address bar
if (token || parameters.has("state")) history.replaceState(null, "", location.pathname);

// Asks the API, one thing at a time; what came back when it was taken, and otherwise says why it was not
async function ask(path, options) {
  if (button) button.disabled = true;
  let answer, told;
  try {
    answer = await fetch(path, options);
    told = answer.status === 204 ? {} : await answer.json();
  } catch {
    status.textContent = "The server could not be reached. Try again.";
  }
  if (button) button.disabled = false;
  if (answer?.ok && told) return told;
  if (told) status.textContent = sentence(told.errors?.length ? told.errors.map((e) => `${e.field.slice(1)} ${e.message}`).join("; ") : (told.detail ?? told.title));
}

function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}

function send(path, body) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ token, ...body }) });
}
