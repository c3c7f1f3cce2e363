// Where a provider leads back to: /oidc/callback/idp_…
const provider = location.pathname.split("/").pop();
const list = document.querySelector("dl");

function tell(what, value) {
  const [term, description] = [document.createElement("dt"), document.createElement("dd")];
  term.textContent = what;
  description.textContent = value ?? "not said";
  list.append(term, description);
}

async function finish() {
  const kept = `sign-in ${provider}`;
  const verifier = sessionStorage.getItem(kept) ?? undefined;
  sessionStorage.removeItem(kept);
  if (parameters.has("error")) {
    // No more than a word of it: anybody can write such an address
    status.textContent = `The provider refused: ${parameters.get("error").replace(/[^a-z_]/g, "").slice(0, 40)}`;
    return;
  }
  const [state, code] = [parameters.get("state") ?? "", parameters.get("code") ?? ""];
  const finished = await send("/api/v1/auth/oidc/finish", { provider, state, code, verifier });
  if (!finished) return;
  if (finished.test) {
    const { lets_in, problem, subject, email, email_verified, name } = finished.test;
    status.textContent = lets_in ? "This works: you would be let in." : `You would not be let in: ${problem}.`;
    tell("The provider's name for you", subject);
    tell("Name", name);
    tell("Address", email);
    tell("Address verified", email_verified?.toString());
    return;
  }
  status.textContent = "You are signed in.";
  tell("Access token for the API, good for 15 minutes", finished.tokens.access_token);
}

finish();
