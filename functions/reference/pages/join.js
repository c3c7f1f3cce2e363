const form = document.querySelector("form");
const about = document.querySelector("#about");
const roles = { owner: "an owner", admin: "an administrator", manager: "a manager", accountant: "an accountant", member: "a member", guest: "a guest" };

// What the link is to, before anything is typed; a link that is good no more leaves nothing to type
send("/api/v1/auth/invitation", {}).then((invited) => {
  if (!invited) return form.remove();
  document.querySelector("h1").textContent = `Join ${invited.organization}`;
  about.textContent = `${invited.inviter} invites you, ${invited.email}, as ${roles[invited.role]}.`;
  if (!invited.has_account) return;
  form.querySelectorAll(".new").forEach((part) => part.remove());
  form.password.autocomplete = "current-password";
  form.querySelector("#hint").textContent = "That of the account you have with this address.";
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = form.elements.name?.value.trim() || undefined;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const member = await send("/api/v1/auth/join", { name, password: form.password.value, zone });
  if (!member) return;
  form.remove();
  about.remove();
  status.textContent = `Welcome, ${member.name}. You can log in now as ${member.email}.`;
});
