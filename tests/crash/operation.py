"""One request of the load: what it asks for, what its answer was, and what the ledger must hold of it."""
import dataclasses
import typing


@dataclasses.dataclass
class Operation:
    """A request with a request id of its own, by which the ledger names it.

    `leaves` are the types of what it writes when it is done; none for one that finds everything as it wishes it. `done` takes what it
    made, once: the answer's JSON, or when there was no answer the data of its last leaf."""
    request_id: str
    tenant: str
    method: str
    path: str
    token: str
    body: typing.Any = None
    leaves: tuple = ()
    done: typing.Callable = lambda made: None
    refusals: tuple = ()  # the codes of problems that are no fault
    key: typing.Optional[str] = None
    repeats: typing.Optional[str] = None  # the request id that had the same key before, when that one is known to be done
    answer: typing.Any = None
    failure: str = ""  # of the connection, when there is no answer

    @property
    def headers(self):
        return {"X-Request-Id": self.request_id, **({"Idempotency-Key": self.key} if self.key else {})}

    @property
    def is_done(self):
        return self.answer is not None and self.answer.status < 300

    def run(self, caller):
        """Sends it. False when no answer came: then the ledger alone knows whether it was done."""
        try:
            self.answer = caller.call(self.method, self.path, self.body, self.token, self.headers)
        except ConnectionError as error:
            self.failure = str(error)
            return False
        if self.is_done:
            self.done(self.answer.json if self.answer.body else {})
        return True

    def answer_fault(self):
        """What is wrong with the answer by itself."""
        if self.answer is None or self.is_done or self.answer.code in self.refusals:
            return None
        return f"success or one of {self.refusals}"

    def __str__(self):
        said = self.answer if self.answer is not None else f"no answer: {self.failure}"
        return f"{self.request_id} {self.method} {self.path} {self.body or ''} ({said})"
