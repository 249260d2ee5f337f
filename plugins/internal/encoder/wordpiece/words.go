package wordpiece

// commonWords are everyday and technical English words that get a piece of their own.
const commonWords = `
the of and to in is was he for it with as his on be at by had not are but from or have an they which one you were her all
she there would their we him been has when who will more no if out so said what up its about into than them can only other
new some could time these two may then do first any my now such like our over man me even most made after also did many
before must through back years where much your way well down should because each just those people mr how too little state
good very make world still own see men work long get here between both life being under never day same another know while
last might us great old year off come since against go came right used take three small large big high low next early late
young important few public bad able best better sure clear full free open close real whole simple hard easy fast slow
house home room door window table chair street road city town country place land water river sea lake hill mountain tree
forest field garden flower grass sun moon star sky rain snow wind fire earth light dark night morning evening week month
hour minute second today tomorrow yesterday always often sometimes again once ever already soon
mother father brother sister son daughter child children friend family woman women girl boy baby husband wife doctor
teacher student king queen president leader member group team party company business office school college university
church court police army government law war peace power force right order rule case fact point part side end start
begin began finish stop keep hold turn move run walk play read write speak talk tell ask answer call say think feel
believe hope love like want need try use find give put bring show lead meet pay buy sell send build break cut grow learn
change help follow create add allow set win lose die live stand sit fall rise reach remain seem appear happen become
head face eye ear nose mouth hand arm leg foot heart body mind blood bone skin hair
food bread meat fish milk egg fruit apple sugar salt coffee tea wine beer dinner lunch breakfast kitchen
red blue green yellow white black brown grey orange pink purple gold silver
zero four five six seven eight nine ten hundred thousand million billion half third quarter
north south east west left top bottom front inside outside above below near far across along around behind beside
money price cost value market trade bank rate tax sale share stock fund loan profit income budget report
car bus train plane ship boat bike wheel engine machine tool key lock box bag book paper page letter word line
name number list form type kind sort class level size length width height weight speed degree color sound voice music
song film game sport ball match score race club player
computer program software hardware network internet web site server client user data database file system disk memory
process thread core code function method object string array index query search vector model token text embed embedding
document record row column key value node graph tree map set queue stack cache buffer stream event message request
response service api endpoint error test bench benchmark measure metric latency throughput load worker client round
result report run time clock baseline threshold sample mean median average percent quantile error rate limit size batch
image video audio signal screen button mouse keyboard phone mobile device camera battery cable print
science physics chemistry biology history language english french german spanish chinese art theory study research
experiment method analysis evidence problem solution question example reason cause effect difference relation
structure design plan project product quality quantity detail section chapter version release update support
health hospital disease patient drug treatment cancer virus cell gene protein brain
energy electric electricity gas oil coal solar nuclear heat temperature pressure air climate weather environment
animal dog cat horse cow bird mouse lion bear wolf fox rabbit quick lazy jump
local national international american european human social political economic legal medical military natural special
general common single certain possible available necessary different similar main major minor final current recent
modern ancient future past present former central total average normal strong weak heavy rich poor hot cold warm cool
dry wet clean dirty safe dangerous beautiful happy sad angry afraid tired hungry
although however therefore without within during until upon toward among despite unless whether though perhaps maybe
really quite rather almost enough together alone away forward else instead especially usually probably certainly
machine learning neural transformer attention layer weight train training inference accuracy recall precision
insert delete select update where join group order commit transaction table postgres kernel scheduler container cloud
`

// endings are the commonest tails of words.
const endings = `
s es ed er ers est ing ings ly y ies ied able ible al ial ally ance ence ant ent ary ery ory ate ated ates ating ation ations
cy ency ancy dom ee eer en ened ening ful fully hood ic ical ically ics ify ified ion ions ish ism ist ists ity ities ive
ively ize ized izes izing ization less ment ments ness or ors ous ously ship sion sions tion tions ture tures ward wards
wise th ty age ages ack ick ock uck all ell ill oll ull ain eam eat oad oat ook oom oot ound ought ight ank ink unk
`

// commonIdeographs are frequent in Chinese, and many in Japanese too.
const commonIdeographs = `
的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日
于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月
明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加
化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做
系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社
术结六功指思非流每青管夫连远资队跟带花快条院变联权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众
技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失
拿网香似斯专石若兵弟谁校读志飞观争究包组造落视济喜离虽坏兴举示密段谈苦测试速模型向量搜索数据库检索服务器延迟
`
