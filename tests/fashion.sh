# A network and its data for test scripts, after tap.sh:  . "$top_srcdir/tests/fashion.sh"
# Goes to $work, where fashion-lenet5.yaml, fashion-lenet5.onnx, images, labels, train and train-labels then are;
# $python has NumPy, or is empty.  SPDX-License-Identifier: GPL-3.0-or-later
fashion=/usr/share/datasets/fashion-mnist
[ -e $fashion/t10k-images-idx3-ubyte.gz ] || tap_skip_all "dataset-fashion-mnist is not installed"
cp "$top_srcdir/examples/fashion-lenet5.yaml" "$top_srcdir/models/fashion-lenet5.onnx" "$work"
# first NAME FILE NBYTES: its first 1,000 (\3\350) alone, so many bytes with the header: much sooner read
first() {
    gunzip -c "$fashion/$2-ubyte.gz" 2>gunzip.said | head -c "$3" >first.raw
    { head -c 4 first.raw; printf '\0\0\3\350'; tail -c +9 first.raw; } | gzip -1 >"$1"
}
first images t10k-images-idx3 784016
first labels t10k-labels-idx1 1008
first train train-images-idx3 784016
first train-labels train-labels-idx1 1008

python=
for p in python3 /usr/bin/python3; do
    [ -z "$python" ] && $p -c 'import numpy' 2>/dev/null && python=$p
done
