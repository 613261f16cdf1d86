"""Every sentence of the screens, in English and Chinese."""

from __future__ import annotations

from sealframe.payment_protocol import Code
from sealframe.terminal.camera.quality import Hint
from sealframe.terminal.states import Reason, State

LANGUAGES = ("en", "zh")

_STATES: dict[State, tuple[str, str]] = {
    State.NOT_READY: ("Not ready", "尚未就绪"),
    State.IDLE: ("Ready for a payment", "请输入付款"),
    State.READY: ("Look into the camera", "请看镜头"),
    State.CAPTURED: ("Captured, you may move", "已拍摄，可以移动"),
    State.VERIFYING: ("Verifying", "正在验证"),
    State.RETRYING: ("Once more: look into the camera", "再试一次，请看镜头"),
    State.FAILED: ("Not paid", "未付款"),
    State.PASSWORD: ("Enter the password", "请输入密码"),
    State.PAID: ("Paid", "付款成功"),
    State.CANCELLED: ("Cancelled", "已取消"),
    State.UNKNOWN: ("Checking the payment, do not pay again", "正在核对付款，请勿重复付款"),
    State.OUT_OF_SERVICE: ("Out of service", "暂停服务"),
}
_CANCELLING = ("Cancelling, do not pay again", "正在取消，请勿重复付款")
"""The title of what is unknown because the person cancelled it."""
_TROUBLES: dict[Reason, tuple[str, str]] = {
    Reason.STARTING: ("The terminal is starting.", "终端正在启动。"),
    Reason.NO_SERVER: ("The server cannot be reached; nothing was charged.", "无法连接服务器，未扣款。"),
    Reason.NO_CAMERA: (
        "The camera gives no picture; check it, or use the password.",
        "摄像头没有画面，请检查或使用密码。",
    ),
    Reason.CAMERA_DENIED: (
        "The camera may not be used; allow it in the browser, or use the password.",
        "浏览器未允许使用摄像头，请允许或使用密码。",
    ),
    Reason.NO_GOOD_PICTURE: ("No picture was good enough; nothing was sent.", "没有合格的画面，未发送。"),
    Reason.NO_ANSWER: ("The connection was interrupted; nothing was charged.", "连接中断，未扣款。"),
    Reason.UNRESOLVED: (
        "An earlier payment has no clear end; ask the operator.",
        "上一笔付款尚未确认，请联系管理员。",
    ),
    Reason.BY_PERSON: ("Cancelled at the terminal.", "已在终端取消。"),
    Reason.TOO_LATE: (
        "It was paid before it could be cancelled; do not pay again.",
        "取消之前已付款，请勿重复付款。",
    ),
    Reason.ABANDONED: ("Nobody answered, so the payment was cancelled.", "无人操作，付款已取消。"),
    Reason.FAULT: ("The terminal has a fault; ask the operator.", "终端故障，请联系管理员。"),
}
_WAITING: dict[Reason, tuple[str, str]] = {
    Reason.NO_SERVER: ("The server cannot be reached; trying again.", "无法连接服务器，正在重试。"),
    Reason.NO_ANSWER: ("The answer has not come yet.", "尚未收到答复。"),
    Reason.UNRESOLVED: ("The end of an earlier payment is being found out.", "正在确认上一笔付款。"),
    Reason.BY_PERSON: ("The payment is being cancelled.", "正在取消付款。"),
}
"""What the same troubles mean while the terminal still works on them."""
_CODES: dict[Code, str] = {
    Code.PAID: "付款完成。",
    Code.OPEN: "付款未完成，未扣款。",
    Code.CANCELLED: "付款已取消，未扣款。",
    Code.EXPIRED: "付款已过期，请重新输入金额。",
    Code.ALREADY_PAID: "此笔已付款，请勿重复付款。",
    Code.UNKNOWN_PAYMENT: "服务器没有此笔付款，未扣款。",
    Code.NO_FACE: "画面中没有人脸，请看镜头。",
    Code.MULTIPLE_FACES: "画面中有多张人脸，请单独站在镜头前。",
    Code.LOW_QUALITY: "画面过暗、过亮或不清晰，请面向光线。",
    Code.SERVER_BUSY: "服务器繁忙，终端将重试。",
    Code.FACE_MISMATCH: "人脸与账户不符，请重试或使用密码。",
    Code.SPOOF_SUSPECTED: "画面可能不是真人，请重试或使用密码。",
    Code.WRONG_PASSWORD: "账户与密码不符，请重试。",
    Code.INSUFFICIENT_FUNDS: "账户余额不足，未扣款。",
    Code.FACE_LOCKED: "人脸不符次数过多，请使用密码。",
    Code.PASSWORD_LOCKED: "密码错误次数过多，请稍候或联系管理员。",
    Code.LIMIT_EXCEEDED: "金额超过账户单笔限额。",
    Code.UNKNOWN_DEVICE: "服务器不认识此终端，请管理员注册。",
    Code.DEVICE_REVOKED: "此终端已停用，请联系管理员。",
    Code.REJECTED: "请求被拒绝，未扣款。",
    Code.STALE_COUNTER: "此次拍摄已失效，正在重新拍摄。",
    Code.CLOCK_SKEW: "终端时间有误，已校正并重新拍摄。",
    Code.VERSION_UNSUPPORTED: "服务器不支持此版本，请更新。",
    Code.TOO_LARGE: "请求过大，请使用较小的画面。",
}
_HINTS: dict[Hint, tuple[str, str]] = {
    Hint.GOOD: ("Hold still", "请保持不动"),
    Hint.TOO_DARK: ("Too dark: turn to the light", "太暗，请面向光线"),
    Hint.TOO_BRIGHT: ("Too bright: turn from the light", "太亮，请避开强光"),
    Hint.TOO_FLAT: ("No face in the oval: come closer", "椭圆中没有人脸，请靠近"),
    Hint.TOO_BLURRED: ("Blurred: hold still", "画面模糊，请保持不动"),
}
_LABELS: dict[str, tuple[str, str]] = {
    "payee": ("Payee", "收款方"),
    "amount": ("Amount", "金额"),
    "account": ("Account", "账户"),
    "reference": ("Reference", "参考号"),
    "time": ("Time", "时间"),
    "try": ("Try {tries} of {most}", "第 {tries} 次，共 {most} 次"),
    "left": ("Tries left: {left}", "还可尝试 {left} 次"),
    "face": ("Face again", "重新刷脸"),
    "password": ("Password", "密码支付"),
    "cancel": ("Cancel", "取消"),
    "done": ("Next payment", "下一笔"),
    "pay": ("Pay by face", "刷脸支付"),
    "confirm": ("Confirm", "确认"),
    "stopping": ("Cancelling", "正在取消"),
    "test": ("TEST: no real money", "测试：非真实交易"),
    "other_language": ("中文", "English"),
    "delete": ("Delete", "删除"),
    "shift": ("Capitals", "大写"),
    "letters": ("Letters", "字母"),
    "digits": ("Digits", "数字"),
    "camera": ("What the camera sees", "摄像头画面"),
    "starting_camera": ("The camera is starting", "摄像头正在启动"),
    "not_understood": ("That is no amount and account.", "金额或账户无效。"),
    "lost": ("The terminal does not answer", "终端没有响应"),
    "lost_why": (
        "If a payment was under way, do not pay again; ask the operator.",
        "如有付款正在进行，请勿重复付款，并联系管理员。",
    ),
    "enter_line": ("Amount and account, as in: 12.50 alice   (q ends)", "金额和账户，例如：12.50 alice （q 退出）"),
    "password_line": ("Type the password, then Enter; Enter alone cancels", "输入密码后按回车；直接按回车取消"),
    "enter_key": ("Enter", "回车"),
}


def labels(language: str) -> dict[str, str]:
    """Every fixed text, unfilled: {tries}, {most} and {left} stand where numbers go."""
    return {name: texts[LANGUAGES.index(language)] for name, texts in _LABELS.items()}


def label(name: str, language: str, **values: object) -> str:
    """A fixed text of the screens."""
    return _LABELS[name][LANGUAGES.index(language)].format(**values)


def title(state: State, language: str, reason: Code | Reason | None = None) -> str:
    """What a state is called on the screen."""
    is_cancelling = state is State.UNKNOWN and reason is Reason.BY_PERSON
    return (_CANCELLING if is_cancelling else _STATES[state])[LANGUAGES.index(language)]


def hint_text(hint: Hint, language: str) -> str:
    """What the person can do about the picture."""
    return _HINTS[hint][LANGUAGES.index(language)]


def sentence(reason: Code | Reason, state: State, language: str) -> str:
    """Why: one sentence for the person."""
    if isinstance(reason, Code):
        return reason.message if language == "en" else _CODES[reason]
    still_working = state in (State.NOT_READY, State.UNKNOWN, State.VERIFYING)
    table = _WAITING if still_working and reason in _WAITING else _TROUBLES
    return table[reason][LANGUAGES.index(language)]
