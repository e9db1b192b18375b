from pymysql.constants import CLIENT, COMMAND, FIELD_TYPE, SERVER_STATUS

from proxy.wire.constants import (
    HEADER,
    MAX_PACKET,
    Capability,
    Command,
    FieldType,
    SessionTrack,
    Status,
)


def numbers_of(module):
    """The constants of a module of PyMySQL, or of a class of ours."""
    return {name: value for name, value in vars(module).items() if isinstance(value, int)}


def agree(ours, theirs, renamed):
    """Say which names of ours a module of PyMySQL knows, all with the same number."""
    known = numbers_of(theirs)
    shared = {}
    for own_name, number in numbers_of(ours).items():
        name = renamed.get(own_name, own_name)
        if name in known:
            assert known[name] == number, name
            shared[own_name] = name
    return shared


def test_capabilities_are_those_of_a_client_that_is_not_ours():
    """PyMySQL has the same bits under the same names, but for one."""
    renamed = {"CAN_HANDLE_EXPIRED_PASSWORDS": "HANDLE_EXPIRED_PASSWORDS"}
    assert len(agree(Capability, CLIENT, renamed)) == 24


def test_younger_capabilities_have_the_numbers_of_the_manual():
    """Those that PyMySQL does not know, by hand."""
    assert Capability.RESERVED == 0x4000
    assert Capability.OPTIONAL_RESULTSET_METADATA == 0x2000000
    assert Capability.ZSTD_COMPRESSION == 0x4000000
    assert Capability.QUERY_ATTRIBUTES == 0x8000000
    assert Capability.MULTI_FACTOR_AUTHENTICATION == 0x10000000


def test_capabilities_are_single_bits():
    """Every name has one bit of its own among the 32."""
    flags = numbers_of(Capability)
    assert all(flag.bit_count() == 1 and flag < 1 << 32 for flag in flags.values())
    assert len(set(flags.values())) == len(flags) == 29


def test_status_bits_are_those_of_a_client_that_is_not_ours():
    """PyMySQL has the same bits under longer names."""
    renamed = {name: f"SERVER_STATUS_{name}" for name in numbers_of(Status)} | {
        "MORE_RESULTS": "SERVER_MORE_RESULTS_EXISTS",
        "NO_GOOD_INDEX_USED": "SERVER_QUERY_NO_GOOD_INDEX_USED",
        "NO_INDEX_USED": "SERVER_QUERY_NO_INDEX_USED",
    }
    assert len(agree(Status, SERVER_STATUS, renamed)) == 10


def test_younger_status_bits_have_the_numbers_of_the_manual():
    """Those that PyMySQL does not know, by hand."""
    assert Status.QUERY_WAS_SLOW == 2048
    assert Status.PS_OUT_PARAMS == 4096
    assert Status.IN_TRANS_READONLY == 8192
    assert Status.SESSION_STATE_CHANGED == 1 << 14


def test_commands_are_those_of_a_client_that_is_not_ours():
    """PyMySQL has the same numbers under names with COM in front."""
    renamed = {name: f"COM_{name}" for name in Command.__members__}
    assert len(agree(Command, COMMAND, renamed)) >= 28


def test_field_types_are_those_of_a_client_that_is_not_ours():
    """PyMySQL has the same numbers under the same names."""
    assert len(agree(FieldType, FIELD_TYPE, {})) >= 26


def test_session_reports_are_numbered_from_nought():
    """The kinds in the order of the protocol page."""
    assert [kind.name for kind in SessionTrack] == [
        "SYSTEM_VARIABLES",
        "SCHEMA",
        "STATE_CHANGE",
        "GTIDS",
        "TRANSACTION_CHARACTERISTICS",
        "TRANSACTION_STATE",
    ]
    assert [int(kind) for kind in SessionTrack] == list(range(6))


def test_a_full_packet_is_the_largest_of_three_bytes():
    """Length and sequence number make the header, and three bytes hold no more."""
    assert HEADER == 3 + 1
    assert MAX_PACKET == 2 ** (8 * 3) - 1
