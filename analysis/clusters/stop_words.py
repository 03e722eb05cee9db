"""Words that stand in texts about anything and so name nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embeddings.text.analyzer import Analyzer

_ENGLISH = """
a an the this that these those there here it its it's i i'm i've i'd i'll me my mine myself you
your yours yourself you're he him his she her hers we us our ours they them their theirs who
whom whose which what when where why how and or but nor if then than so because as while
although though until at by for from in into of off on onto out over to toward under up down
with without within about above across after against along among around before behind below
beneath beside between beyond during except near since through throughout upon via am is are was
were be been being isn't aren't wasn't weren't do does did done doing don't doesn't didn't have
has had having haven't hasn't hadn't can could can't cannot couldn't will would won't wouldn't
shall should shouldn't may might must mustn't need needs needed want wants wanted let let's get
gets got getting give gave given go goes went going come came make makes made making take takes
took taken put know knew known think thought say says said tell told see saw seen look looks
looked like likes try tried trying use used using please thank thanks hello hi hey ok okay yes
no not never none nothing something anything everything someone anyone everyone any some each
every either neither both all most more many much few several other others another such same own
only just also too very really quite rather even still yet already again ever always often
sometimes maybe perhaps one ones thing things way ways lot lots bit well now today soon later
able seem seems seemed happen happens happened became become becomes that's what's there's
where's who's how's he's she's they're we're we've they've etc eg ie vs
"""
_KOREAN = """
하다 되다 있다 없다 같다 보다 않다 이다 아니다 가다 오다 주다 받다 들다 나다 나오다 내다 놓다
두다 싶다 말다 모르다 알다 이렇다 그렇다 저렇다 어떻다 대하다 위하다 통하다 관하다 따르다 의하다
인하다 못하다 만들다 생기다 너무 정말 진짜 그냥 좀 더 덜 다 안 못 잘 왜 또 꼭 막 참 매우 아주
가장 제일 이미 아직 벌써 다시 계속 항상 자주 가끔 거의 모두 모든 바로 먼저 함께 같이 서로 따로
특히 역시 물론 아마 혹시 만약 만일 비록 오히려 결국 드디어 그리고 그러나 그런데 그래서 하지만
또한 즉 및 등 때 중 후 전 수 것 점 이번 이후 이전 경우 정도 때문 사용 가능
"""


def stop_terms(analyzer: Analyzer) -> frozenset[str]:
    """The stop words of English and Korean as the analyzer's terms.

    Raises:
        AnalyzerError: Kiwi cannot be loaded.
    """
    korean = [] if analyzer.kind == "bigrams" else _KOREAN.split()
    english = analyzer.analyze(_ENGLISH.split())
    return frozenset([*korean, *(term for terms in english for term in terms)])
