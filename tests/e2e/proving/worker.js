// {{nonce}}
onmessage = async () => {
  const get = await (await fetch("/json/worker.json")).json();
  await (await fetch("/api/echo?worker=1", { method: "POST", body: "from the worker" })).text();
  postMessage(`read ${get.nonce}`);
};
