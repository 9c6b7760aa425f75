"""Columns through nemesispy, in an interpreter of its own: reads a request, prints an answer.

Reads JSON from standard input (``p_pa`` from the bottom, ``t_k`` a row a column, ``vmr``,
``radius_m``, ``gravity``), prints JSON: nadir radiances, and seconds a column after the first.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from nemesispy.data.helper import cia_file_path, lowres_file_paths
from nemesispy.radtran.forward_model import ForwardModel

GASES = {"H2O": 1, "CO2": 2, "CO": 5, "CH4": 6, "He": 40, "H2": 39}
NEWTON = 6.6743e-11


def main():
    asked = json.load(sys.stdin)
    p, columns = np.array(asked["p_pa"]), np.array(asked["t_k"])
    vmr = np.array([asked["vmr"][name] for name in GASES])
    model = ForwardModel()
    model.set_planet_model(
        M_plt=asked["gravity"] * asked["radius_m"] ** 2 / NEWTON, R_plt=asked["radius_m"],
        gas_id_list=np.array(list(GASES.values())), iso_id_list=np.zeros(len(GASES), dtype=int),
        NLAYER=len(p) - 1,
    )  # fmt: skip
    sys.stdout, kept = sys.stderr, sys.stdout  # it prints while it reads its tables
    model.set_opacity_data(kta_file_paths=lowres_file_paths, cia_file_path=cia_file_path)
    shares = np.tile(vmr, (len(p), 1))

    def column(t):
        return model.calc_point_spectrum_hydro(p, t, shares, 0.0)

    column(columns[0])  # compiles
    found, times = [], []
    for t in columns:
        begin = time.process_time()
        found.append(column(t))
        times.append(time.process_time() - begin)
    # It gives pi times the area of the planet in cm2 times the radiance in W/cm2/um/sr.
    area = 4 * np.pi**2 * (asked["radius_m"] * 1e2) ** 2
    radiance = np.array(found) / area * 1e4
    sys.stdout = kept
    print(json.dumps({
        "version": version("nemesispy"), "seconds": float(np.median(times)),
        "radiance_w_m2_um_sr": radiance.tolist(),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
