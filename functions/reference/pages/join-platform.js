const form = document.querySelector("form");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const operator = await send("/api/v1/platform/join", { name: form.name.value.trim(), password: form.password.value });
  if (!operator) return;
  form.remove();
  status.textContent = `Welcome, ${operator.name}. You can log in to the platform now as ${operator.email}.`;
});
