from drivers.modem.usb import PluggedModem, UsbNode, assemble, plugged_modems

VENDOR = ("ff", "00", "00")
AT = ("02", "02", "01")


def node(name: str, interface: int, ids=(0x2C7C, 0x0801), **more) -> UsbNode:
    fields = {
        "usb_path": "1-1.3",
        "product": "RM520N-GL",
        "subsystem": "net" if name.startswith(("wwan", "usb")) else "tty",
        "protocol": VENDOR,
        **more,
    }
    return UsbNode(vendor_id=ids[0], product_id=ids[1], name=name, interface=interface, **fields)


def test_known_modem_gives_its_second_at_port():
    nodes = [node(f"/dev/ttyUSB{n + 4}", n) for n in (3, 0, 2, 1)] + [node("wwan0", 4)]
    assert assemble(nodes) == (
        PluggedModem(
            usb_path="1-1.3",
            vendor_id=0x2C7C,
            product_id=0x0801,
            at_port="/dev/ttyUSB7",
            net_interface="wwan0",
            product="RM520N-GL",
        ),
    )


def test_first_at_port_does_where_there_is_no_second():
    (modem,) = assemble([node(f"/dev/ttyUSB{n}", n) for n in (0, 1, 2)])
    assert modem.at_port == "/dev/ttyUSB2"


def test_unknown_modem_is_one_that_has_tty_and_network():
    ids = (0x1234, 0x5678)
    (modem,) = assemble(
        [
            node("/dev/ttyACM1", 4, ids),
            node("/dev/ttyACM0", 2, ids, protocol=AT),
            node("usb0", 0, ids),
        ]
    )
    assert (modem.at_port, modem.net_interface) == ("/dev/ttyACM0", "usb0")


def test_gnss_receiver_is_no_modem():
    assert assemble([node("/dev/ttyACM0", 0, (0x1546, 0x01A9), protocol=AT)]) == ()


def test_two_equal_modems_are_two_places():
    nodes = [
        node("/dev/ttyUSB2", 2, usb_path="1-1.4"),
        node("/dev/ttyUSB6", 2, usb_path="1-1.3"),
    ]
    assert [(m.usb_path, m.at_port) for m in assemble(nodes)] == [
        ("1-1.3", "/dev/ttyUSB6"),
        ("1-1.4", "/dev/ttyUSB2"),
    ]


def test_scan_works_with_or_without_usb_and_udev():
    assert all(modem.usb_path for modem in plugged_modems())
