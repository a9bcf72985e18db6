// Style sheets are imported for their effect; Vite turns them into the one file that index.html links.
declare module "*.css";
