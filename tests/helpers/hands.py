"""Workers that are neither processes nor machines."""

from medrecon.batch.engine import Outcome
from medrecon.batch.foreman import Crew, Member
from medrecon.batch.worker import Ready, Refused


class Hand(Member):
    def __init__(self, place, crew):
        super().__init__(place)
        self.crew, self.greeted, self.at_work, self.ended, self.seen = crew, False, [], False, []

    def send(self, item):
        self.at_work.append(item)
        self.seen.append(item.name)
        self.crew.most = max(self.crew.most, len(self.at_work))

    def end(self):
        self.ended = True
        return "went home"


class Hands(Crew):
    """Workers that answer one item each a round; those of `deadly` names end them, so many times."""

    def __init__(self, deadly=(), refused=False, stillborn=False):
        self.deadly, self.refused, self.stillborn = dict(deadly), refused, stillborn
        self.begun, self.most = [], 0

    def begin(self, place):
        self.begun.append(Hand(place, self))
        return self.begun[-1]

    def heard(self, team, seconds):
        for hand in list(team):
            if self.stillborn:
                yield hand, None
            elif not hand.greeted:
                hand.greeted = True
                yield hand, Refused("no work today; come again") if self.refused else Ready()
            elif hand.at_work and self.deadly.get(hand.at_work[0].name, 0):
                self.deadly[hand.at_work[0].name] -= 1
                yield hand, None
            elif hand.at_work:
                yield hand, Outcome(hand.at_work.pop(0), None, 1)
