// Five words that two people read to each other after a pairing. Both devices draw them from the same key, so a
// hub in the middle would have to make two runs agree in 55 bits.
//
// The list is for good: another word, or another order, and devices of two versions would show different words
// for the same key. Every word has its own first four letters, so a misheard ending does no harm.

import { packBits } from "./bytes.ts";

/** 2,048 words, so that one says eleven bits. */
const WORDS: readonly string[] = `
  abandon abet abide ability able abolish about above abroad absence absorb absurd abysmal accept accord
  accuse ache achieve acid acne acorn acquire acre across action actor actual acute adapt address adhere
  adjust admit adult advance advent advice aerial afar affair affect afford after again agency agree ahead
  ahoy aide airport airy ajar akin alarm album alert alga algebra alien align alike alive allege allow
  almost alone alpha already also alto amateur amaze amber ambient amen amid amok among amount ample amuse
  anagram anatomy ancient anew angel angle angry animal annoy annual anon another answer antique anxious
  anybody anyhow anyone anyway apart apex apology appall appeal apple appoint approve arcade arch area arena
  argue aria arid arise army arose around arrange arrest arrive arrow artist ascend ashcan aside asleep
  aspect atheist atom attach attend attract audio aunt aura author auto autumn average avid avoid avow await
  awake aware away awry axiom axis axle baby back bade badge baffle baggage bail bake balance bale balk ball
  balm banana band bani bank banner barb bargain bark barn baroque barrel base basic basket bass batch bath
  battery bawl bead beak beam beat beauty became become bedroom beet before began begin begun behalf behind
  believe bell below belt bench bend benefit bent beside best beta better between beware beyond bicycle bide
  biggest bike bile bill binary bind biology bird biscuit bitmap bitter bizarre blab blade blame blank
  blatant bless blew blink blip bliss blob block blog blow blue blurb boat body boggle boil bold bolt bone
  bonus book boom boost boot border bore borne borrow boss both bottle bought bound bout bowl bracket brain
  branch brave breach breeze brick bridge brief bright broad broke brought brown brush bubble bucket budget
  build bulb bulk bull bump bunch bundle burnt burst bush busy button buyer bypass byte cabbage cabinet
  cable cake call calm came camp cancel cannot cant capable capital captain carbon care carpet carry cartoon
  case cash cast casual catalog catch cater cattle caught cause caution cave cease censor central certain
  chair chalk chamber chance chaotic chapter char chase chat cheap check cheek chemist chess chew chicken
  chief child chip choice choose chop choral chose chuck chunk cider cinema circle citizen city civil claim
  clarify class clause clean clever click client cliff climb clinic clip clique clock clog clone close cloth
  cloud club clue clumsy cluster coach coal coast coat code coffee coin coke cold collect colony column
  combine come comfort comic common company concept condemn confirm congest connect consist contact convert
  cook cool cope copper copy core corn correct cosmic cost cotton cough could count couple court cousin cozy
  craft crazy create credit creep crew cricket crisp critic crop cross crown crucial crude cruise crunch
  cryptic crystal cube cubic cuckoo culture cure curious curry cursor curtain curve custom cute cycle
  cynical damp dance danger dare dark dash data date datum dawn daytime deal debate debt debug decade decent
  decide deck declare decode deduce deem deep default defense define defy degree delay delete deliver delta
  demand denote dense dentist depend deposit depress depth deputy derive descend deserve design desk despite
  destroy detail detect detract develop device devote diagram dial diary dice dictate diesel diet differ
  digest digit dignity dilemma dine dinner direct dirty disable disc dish disk dislike dismiss display
  disrupt distant ditch ditto dive divide doctor dodge dole dollar domain donate done door dose doubt down
  dozen drag drain drama drank drastic draw dream dress drew drift drill drink drip drive drop drove drum
  duck duff dust duty dynamic each eager eagle earth ease east easy eaten echo ecology economy edge edit
  educate effort eighth either elect elegant element eleven elite else emerge eminent emit emotion empire
  employ empty emulate enable enclose encode endless energy enforce engage engine enhance enjoy enlarge
  enough ensure entail enter entire entry envy epic episode equal equip erase error escape essay essence
  estate eternal ethic ethnic even ever evident evolve exact examine excess excite exclude excuse exempt
  exhaust exhibit exist exit exotic expand expect expire explain export express extant extend extra fabric
  face fact faculty fail faint fairy faith fall false fame famous fancy fantasy farce farm farther fashion
  fast fate father faucet faulty favor feature federal feel fell felt fence fetch fewer fiber fiction fiddle
  field fifth figure file fill film filter final fine finger finite firm first fiscal fish five fizzy flag
  flame flash flat flavor fleet flew flight flip float floor floppy flow fluent fluffy fluid flush flute
  foam focus fold folk follow fond font food foot forbid force foreign forget fork form fortune forum
  forward fossil fought found fragile frame frank free french fresh friend fringe frog from front frown
  froze fruit fudge fuel fulfill full fume fund funny furry further fuse fusion fuss future fuzzy gain
  galaxy game garage garble garden gasp gateway gather gave gear gender general genius genre gentle genuine
  geology gesture giant gift girl give glad glance glass glean global glory glossy glove glow glue gnome
  goal goat gold golf gone good gossip gotten govern gown grace grade grain grammar grand graph grass
  gravity greasy green grew grid grip group grow guard guess guide guinea guitar gulf habit haircut half
  halt halve hammer hand happy hardy harmful harsh hash hasty have hazy head health heap heart heat heavy
  height held hello helmet help heresy hero herself hidden hide high hill himself hint history hobby holiday
  hollow home honey honor hook hope horde horizon horse host hotel house however huge human humble humor
  hungry hunt hurry husband hyphen icon idea idiom ignore image immense immune impact impend impose improve
  impulse inch incline income incur index induce inertia infer info inhabit inherit inhibit initial injury
  inner input inquire insert inside inspect install intact intend into invent invite involve irate iron
  isolate issue item itself jack jargon jazz jealous jest join joke journal judge juice jump jungle junior
  jury just keen keep kept kernel kettle keyword kick kidney kind kingdom kitchen knee knock known label
  labor lack ladder lady laid lain lake lamp lane large lark laser last late laugh launch lawn lawyer layer
  layout leach leaf league leak lean leap learn least leather leave lecture left legal legend legible
  leisure lemon lend length lenient lent less letter level liable liaison libel library license life lift
  light like limb limit line link lion liquid list liter little live load lobby local lock lodge logic logo
  long look loop lorry lose loss lost loud love lower loyal luck luggage lump lunch lurk luxury lyric
  machine magic mailbox maize major make manage mandate mangle mankind manner manual many march margin
  marital mark marry mask mass match mate matrix mature maximum maybe mayor maze meal mean measure media
  melody melt member memory mend mention menu mercy mere merge merit merry messy metal method metro mice
  middle might migrate mile milk million mimic mine minimal mint minute miracle mirror mislead misread miss
  mistake mixture mobile mode modify module mole moment monarch money monitor monkey month mood moon moral
  more most motion motor motto mouse move movie much muddle mumble mummy mundane museum music must mutual
  myself mystic myth nail name narrow nation nature near neat neck needle negate neglect neither nervous
  nest network neural neutral never newer next nice nick nine noble nobody node noise nominal noon normal
  north nose notable note notice noun novel novice nowhere null numb numeral obey object oblige obscure
  observe obtain obvious occur ocean offer offhand office offset often older omit once oneself onion onto
  onus open operate opinion oppose option opus orange orbit order organic orient origin other outcome outer
  outline output outside over owner oxygen ozone pace pack page paid painful palace panel pant paper parade
  pardon parent parity park parody parrot parse part pass past patch patent path patient pattern payment
  peanut peasant pedant penalty pence penguin penny people percent perfect permit person petrol phase
  phoenix phone photo phrase physic piano pick picture pigeon pile pilot pink pint pipe pitch pitfall pizza
  place plan plastic plate play plea plenty plot ploy plug plural plus pocket poem poet point polar policy
  pompous pool popular port pose possess post potato pound pour poverty power praise precise predict prefer
  premise prepare press pretty prevent price pride prime print prior private prize problem process produce
  profile program project prolong prompt prone proof propose prose protect proud prove pseudo public pull
  pulp pulse pump punch punt pupil pure purity purpose pursue push putt puzzle python qualify quantum queen
  query quest queue quibble quick quiet quite quiz quote rabbit rack radar radio raid rail rainbow raise
  rampant random range rank rapid rare rate rather ratio rattle rave razor reach ready real reason rebuild
  recall recent recipe reckon reclaim record recruit rectify recycle reduce refer refine reflect reform
  refrain refuse regard region regret regular relate release relief remain remedy remind remote rename rend
  renew rent repair repeat replace report request reread rescue reserve reside resort respect rest result
  retain retire retract return reuse reveal review revolt reward rewrite rhyme rhythm ribbon rice rich
  ridden ride rigid rise risk rival river robot robust rock romance roof room rope rotate rough round
  routine royal rubber rule rumor rung rural rush rusty sadden safe saga said sake salary salt same sample
  sane sang sanity sank sarcasm satisfy save scale scan scarf scatter scenery scheme school science scope
  score scotch scrap screen script scroll seal search season seat second secret section secure seek segment
  seldom select self seminar send senior sense sequel serious serve session settle seven shade shake shall
  shape share sheet shelf shift shine ship shirt shock shone shook shop short shot should shove show shut
  side sigh sigma sign silent silicon silver similar simple since sine single sink sister situate sixth size
  sketch skin skip skirt slang slash sleep slept slice slid slight slim slip slogan slope slot slow small
  smart smile smith smoke smooth snack snag snail sneak snow soap sober social sock soft soil solar solid
  solo solve somehow song soon sorry sort sought sound soup south space span spare spatial speak special
  speech spell spend sphere spigot spike spill spin spirit split spoil spoke sponsor spool sport spot spray
  spread sprung spur square squeeze stable stack staff stage stall stamp stand start state stay steam steep
  stem step stereo stick stiff still stir stock stone stood stop store strange stream strict strong struck
  study stuff stumble stun style subject submit subset subtle subway success such sudden suffer sugar
  suggest suit summer sundry sung sunk sunny sunrise super support supreme sure surface surgery surname
  surplus survey suspect sustain swam swap sweep swept swim switch sworn symbol symptom synonym syntax
  system table tack tactic tailor take talent talk tall tame tangent tape target task taste taught taxi
  teach teapot tedious teenage teeth tell tempt tend tennis tense tenth term terse test text thank that
  theft them theory therapy these they thick thin third this those though three throw thumb thus ticket tidy
  tiger tight tile till time tiny tire toad toast today toggle token told toll tomato tome tone tongue
  tonight took tool tooth topic tore torn toss total touch tough tour toward tower town trace trade traffic
  tragic train travel tray treat tree trek trend trial tribe trick trifle trigger trilogy trinity trip
  triumph trivial trolley trouser truck true trumpet trunk trust truth tube tune tunnel turn tutor twelve
  twenty twice twin twist type typical unable unaware unclear under undid undo uneasy uniform union unique
  unit unknown unless unlike unload unlucky unread unset unsound unsure until untrue unusual unwise update
  upgrade upon upper upright upset upside upward urban urge usable usage useful user usual utility utter
  vacancy vacuum valid valley value valve variety vast vector vehicle vend venture venue verb verdict verify
  version vessel viable vicious victory video view village vintage vinyl virtue visit visual vital vocal
  voice void voltage volume vote vouch vowel wade waffle wage wake walk wall want ward warm warn warp
  warrant wartime wary wash watch water wave wealth weasel weather weekend weird welcome welfare well went
  were west what wheel when whether while whim whiskey white whom whoop wide width wife wild will window
  winner winter wipe wire wisdom wise wish with woke wolf woman women wonder wont wooden wore work world
  worn worry worth wren wrist written wrote yard yawn year yellow yeti yield young youth zero zone zoom
`
  .trim()
  .split(/\s+/);

const WORD_COUNT = 5;
const BITS_PER_WORD = 11;
/** 55 bits. */
const KEY_BYTES_USED = 7;

/** `key` is the safety key of a pairing; of it, the first 55 bits are shown. */
export function safetyWords(key: Uint8Array): string[] {
  if (key.length < KEY_BYTES_USED) throw new RangeError(`a safety key has more than ${key.length} bytes`);
  const bits = packBits(key.subarray(0, KEY_BYTES_USED), 1, "01");
  const words: string[] = [];
  for (let word = 0; word < WORD_COUNT; word++) {
    const index = Number.parseInt(bits.slice(word * BITS_PER_WORD, (word + 1) * BITS_PER_WORD), 2);
    // Eleven bits never point outside of 2,048 words; `?? ""` only satisfies the compiler.
    words.push(WORDS[index] ?? "");
  }
  return words;
}

/** The whole list, for a client's own check of it. */
export function safetyWordList(): readonly string[] {
  return WORDS;
}
