const form = document.querySelector("form");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = form.name.value.trim() || undefined;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const member = await send("/api/v1/auth/join", { name, password: form.password.value, zone });
  if (!member) return;
  form.remove();
  status.textContent = `Welcome, ${member.name}. You can log in now as ${member.email}.`;
});
