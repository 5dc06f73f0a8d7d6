// What the page of a signed-in reader does: it hands its secrets around as sites do.
const bearer = { Authorization: "Bearer {{authorization}}", "X-CSRF-Token": "{{csrf_header}}" };
const cookie = document.cookie.match(/sid=([^;]+)/)[1];
document.getElementById("echo").dataset.value = `signed in as ${cookie}`;
document.getElementById("echo").append(` state ${btoa(`user=1;sid=${cookie};x`)} and ${btoa(`x${cookie}y`)}`);
const kept = JSON.parse(localStorage.getItem("oidc.user")).access_token;
document.getElementById("echo").title = kept;

const form = new FormData();
form.append("session_token", "{{multipart_post}}");
form.append("city", "Lowmarsh");
const socket = new Promise((done) => {
  const line = new WebSocket(`${location.origin.replace("http", "ws")}/socket?auth_token={{socket_address}}`);
  line.onmessage = ({ data }) => done((window.socketSaid = data));
});
const events = new Promise((done) => {
  const source = new EventSource("/events");
  source.onmessage = ({ data }) => { source.close(); done((window.eventSaid = data)); };
});
const database = new Promise((done) => {
  const request = indexedDB.open("account");
  request.onupgradeneeded = () => request.result.createObjectStore("tokens");
  request.onsuccess = () => {
    const write = request.result.transaction("tokens", "readwrite");
    write.objectStore("tokens").put({ session_token: "{{indexed_db}}" }, "mine");
    write.oncomplete = done;
  };
});
begin();

async function begin() {
  const me = await (await fetch("/me.json", { headers: bearer })).json();
  document.getElementById("said").textContent = `${me.story} It was ${me.session.note}.`;
  window.me = me;
  await fetch("/basic", { headers: { Authorization: `Basic ${btoa("reader:{{basic_password}}")}` } });
  await fetch("/save", { method: "POST", body: new URLSearchParams({ csrf_token: "{{form_post}}", city: "Lowmarsh" }) });
  await fetch("/save", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ user: { password: "{{json_post}}" }, city: "Lowmarsh" }) });
  await fetch("/upload", { method: "POST", body: form });
  await fetch("/next", { referrer: `${location.origin}/from?sso_token={{referrer}}`, referrerPolicy: "unsafe-url" });
  await Promise.all([socket, events, database]);
  document.getElementById("said").dataset.done = "yes";
}
