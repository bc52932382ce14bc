# A network and its data for test scripts, after tap.sh:  . "$top_srcdir/tests/fashion.sh"
# Goes to $work, where fashion-lenet5.yaml, fashion-lenet5.onnx, images, labels, train and train-labels then are;
# $python has NumPy, or is empty.  SPDX-License-Identifier: GPL-3.0-or-later
fashion=/usr/share/datasets/fashion-mnist
[ -e $fashion/t10k-images-idx3-ubyte.gz ] || tap_skip_all "dataset-fashion-mnist is not installed"
cp "$top_srcdir/examples/fashion-lenet5.yaml" "$top_srcdir/models/fashion-lenet5.onnx" "$work"
cd "$work" || exit 99
LC_ALL=C
export LC_ALL
ln -s $fashion/t10k-images-idx3-ubyte.gz images
ln -s $fashion/t10k-labels-idx1-ubyte.gz labels
ln -s $fashion/train-images-idx3-ubyte.gz train
ln -s $fashion/train-labels-idx1-ubyte.gz train-labels

python=
for p in python3 /usr/bin/python3; do
    [ -z "$python" ] && $p -c 'import numpy' 2>/dev/null && python=$p
done
