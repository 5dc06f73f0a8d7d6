"""Who acts and how they get in, put together: the services that both the composition and tests build."""

from dataclasses import dataclass

from server.custody.accounts import AccountService
from server.custody.enrolment import EnrolmentService
from server.custody.people import PeopleService
from server.custody.service import CustodyService
from server.custody.sign_ins import SignInService
from server.db import Database
from server.operators.challenges import ChallengeService
from server.operators.issuer import IssuerClient
from server.operators.passkeys import PasskeyService
from server.operators.passwords import PasswordService
from server.operators.service import OperatorService
from server.operators.sessions import SessionService
from server.operators.tokens import TokenService


@dataclass(frozen=True)
class Identities:
    """Everything about people, their browsers and their ways in."""

    operators: OperatorService
    sessions: SessionService
    passwords: PasswordService
    passkeys: PasskeyService
    challenges: ChallengeService
    issuer: IssuerClient
    tokens: TokenService
    enrolment: EnrolmentService
    people: PeopleService
    sign_ins: SignInService
    accounts: AccountService

    @classmethod
    def of(cls, database: Database, operators: OperatorService, custody: CustodyService) -> "Identities":
        """The services over one database; clock and settings are those of `operators`."""
        clock, settings = operators.clock, operators.settings
        enrolment = EnrolmentService(database, operators, custody)
        people = PeopleService(database, operators, custody, enrolment)
        passwords = PasswordService(operators)
        challenges = ChallengeService(database, clock, settings)
        sign_ins = SignInService(database, custody, people, passwords)
        return cls(
            operators=operators,
            sessions=people.sessions,
            passwords=passwords,
            passkeys=PasskeyService(database, challenges, settings),
            challenges=challenges,
            issuer=IssuerClient(settings, clock),
            tokens=TokenService(operators),
            enrolment=enrolment,
            people=people,
            sign_ins=sign_ins,
            accounts=AccountService(sign_ins),
        )
