// A picture that is pasted or dropped anywhere on the search page goes into its form, and the form is sent. Nothing else happens here.
"use strict";
const form = document.getElementById("ask");
const input = document.getElementById("picture");

function ask(files) {
  const picture = [...files].find((file) => file.type.startsWith("image/"));
  if (!picture) return false;
  const chosen = new DataTransfer();
  chosen.items.add(picture);
  input.files = chosen.files;
  form.requestSubmit();
  return true;
}

document.addEventListener("paste", (event) => {
  if (ask(event.clipboardData?.files ?? [])) event.preventDefault();
});
document.addEventListener("dragover", (event) => {
  if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
  event.preventDefault();
  form.classList.add("over");
});
document.addEventListener("dragleave", () => form.classList.remove("over"));
document.addEventListener("drop", (event) => {
  form.classList.remove("over");
  if (event.dataTransfer?.files.length) event.preventDefault();
  ask(event.dataTransfer?.files ?? []);
});
input.addEventListener("change", () => {
  if (input.files.length) form.requestSubmit();
});
