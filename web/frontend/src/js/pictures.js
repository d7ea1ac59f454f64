// Large pictures are made smaller before they go out: 1,600 points and about 300 KB are enough to read a label, and a
// photograph then leaves a phone in a second. What the camera wrote beside it, the place too, stays behind.

const SIDE = 1600;
const ENOUGH = 300 * 1024;
const QUALITIES = [0.82, 0.7, 0.55, 0.4];

export async function shrink(file) {
  if (!/^image\/(jpeg|png|webp|heic|heif|bmp)$/.test(file.type)) return file;
  try {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
    if (scale === 1 && file.size <= ENOUGH && !/hei|bmp/.test(file.type)) return file;
    const smaller = await pack(draw(picture, scale));
    if (!smaller || (smaller.size >= file.size && scale === 1)) return file;
    return new File([smaller], `${file.name.replace(/\.[^.]*$/, "") || "photo"}.jpg`, { type: "image/jpeg" });
  } catch {
    return file; // not a picture this browser can read: the server judges it
  }
}

function draw(picture, scale) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * scale));
  canvas.height = Math.max(1, Math.round(picture.height * scale));
  const pen = canvas.getContext("2d");
  pen.fillStyle = "white"; // a JPEG has nothing to see through
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return canvas;
}

async function pack(canvas) {
  let packed = null;
  for (const quality of QUALITIES) {
    packed = await new Promise((done) => canvas.toBlob(done, "image/jpeg", quality));
    if (packed && packed.size <= ENOUGH) break;
  }
  return packed;
}
