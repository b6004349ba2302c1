"""What the files of these tests are made of."""

import numpy as np
import pytest

from medrecon.errors import InputError
from medrecon.io import load

HEADER = """<?xml version="1.0" encoding="utf-8"?>
<ismrmrdHeader xmlns="http://www.ismrm.org/ISMRMRD" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
  <subjectInformation><patientName>Jane Roe</patientName><patientID>4711</patientID></subjectInformation>
  <acquisitionSystemInformation><systemVendor>SIEMENS</systemVendor>
    <systemFieldStrength_T>2.89362</systemFieldStrength_T><receiverChannels>15</receiverChannels>
  </acquisitionSystemInformation>
  <experimentalConditions><H1resonanceFrequency_Hz>123255600</H1resonanceFrequency_Hz></experimentalConditions>
  <encoding>
    <encodedSpace><matrixSize><x>{encoded[0]}</x><y>{encoded[1]}</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>{fov[0]}</x><y>{fov[1]}</y><z>4.5</z></fieldOfView_mm></encodedSpace>
    <reconSpace><matrixSize><x>{recon[0]}</x><y>{recon[1]}</y><z>1</z></matrixSize>
      <fieldOfView_mm><x>{seen[0]}</x><y>{seen[1]}</y><z>3.0</z></fieldOfView_mm></reconSpace>
    <encodingLimits>{limits}<slice><minimum>0</minimum><maximum>1</maximum><center>0</center></slice></encodingLimits>
    <trajectory>cartesian</trajectory>
  </encoding>
  <sequenceParameters><TR>2750</TR><TE>27</TE></sequenceParameters>
</ismrmrdHeader>"""
LIMITS = """<kspace_encoding_step_1><minimum>0</minimum><maximum>{maximum}</maximum><center>{centre}</center>
</kspace_encoding_step_1>"""


def noise(shape, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64)


def centred_ifft(kspace, axes=(-2, -1)):
    """Centred orthonormal inverse transform by its definition, an explicit sum: no shift to get wrong."""
    for axis in axes:
        n = kspace.shape[axis]
        at = np.arange(n) - n // 2
        matrix = np.exp(2j * np.pi * np.outer(at, at) / n) / np.sqrt(n)
        kspace = np.moveaxis(np.moveaxis(kspace.astype(complex), axis, -1) @ matrix, -1, axis)
    return kspace


def refusal(path, **options):
    """What `load` says of a file that it refuses: one line, which names it."""
    with pytest.raises(InputError) as caught:
        load(path, **options)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)
