// The address an organisation gives to its people: /sign-in?organization=org_…, and with &provider=idp_… to go on at once
const organization = parameters.get("organization") ?? "";
const nav = document.querySelector("nav");

async function begin(provider) {
  const started = await send("/api/v1/auth/oidc/start", { organization, provider });
  if (!started) return;
  // Whoever has not begun here cannot be made to finish here
  sessionStorage.setItem(`sign-in ${provider}`, started.verifier);
  location.assign(started.url);
}

async function show() {
  const found = await ask(`/api/v1/auth/oidc/organizations/${encodeURIComponent(organization)}`);
  if (!found) return;
  if (!found.items.length) status.textContent = "Nobody signs in here through a provider.";
  for (const { provider, name } of found.items) {
    const way = document.createElement("button");
    way.textContent = name;
    way.addEventListener("click", () => begin(provider));
    nav.append(way);
  }
}

if (parameters.has("provider")) begin(parameters.get("provider"));
else show();
